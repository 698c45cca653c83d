// One worker, until there is no more to do: worker HOST:PORT EXPERIMENT_ID WORKER_ID
import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "nextpoint";
import { StreamClosedReason } from "nextpoint/v1";

const [address, experimentId = "", workerId] = process.argv.slice(2);

let evaluated = 0;
const suggestions = connect(address).stream<{ x: number }>(experimentId, { workerId });
for await (const suggestion of suggestions) {
  const { x } = suggestion.assignments;
  await sleep(20);
  await suggestion.observe({ m: (x - 0.3) ** 2 });
  evaluated += 1;
}
const reason = StreamClosedReason[suggestions.closedReason ?? StreamClosedReason.UNSPECIFIED];
console.log(JSON.stringify({ evaluated, reason }));
