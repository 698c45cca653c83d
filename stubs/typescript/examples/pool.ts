// Tunes a pool of worker threads on a CPU-bound job: pool [HOST:PORT]
//
// Tuned are the number of threads, how many items one message carries, and how many messages may be
// at a thread at once. Measured are the seconds that the whole job takes on this machine.
import { pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

import { connect, toAssignments } from "nextpoint";
import { MetricObjective, ParameterTransformation, ParameterType } from "nextpoint/v1";

interface Pool {
  threads: number;
  chunk: number;
  depth: number;
}

const ITEMS = 20_000;
const REPETITIONS = 3;
const BUDGET = 24;

/** One item of the job: a key that is derived from a password. */
function derive(item: number): Buffer {
  return pbkdf2Sync(`password ${item}`, "salt", 10, 32, "sha256");
}

async function measure({ threads, chunk, depth }: Pool): Promise<number[]> {
  const pool = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)));
  await Promise.all(pool.map((thread) => once(thread, "online")));
  const seconds: number[] = [];
  // The first one warms the threads up.
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    const begin = performance.now();
    await runJob(pool, chunk, depth);
    if (repetition > 0) seconds.push((performance.now() - begin) / 1000);
  }
  await Promise.all(pool.map((thread) => thread.terminate()));
  return seconds;
}

async function runJob(pool: Worker[], chunk: number, depth: number): Promise<void> {
  let next = 0;
  const post = (thread: Worker): boolean => {
    if (next >= ITEMS) return false;
    thread.postMessage([next, Math.min(next + chunk, ITEMS)]);
    next += chunk;
    return true;
  };
  const drained = (thread: Worker) =>
    new Promise<void>((resolve) => {
      let waiting = 0;
      const finish = () => {
        if (waiting > 0) return;
        thread.off("message", answered);
        resolve();
      };
      const answered = () => {
        if (!post(thread)) waiting -= 1;
        finish();
      };
      thread.on("message", answered);
      while (waiting < depth && post(thread)) waiting += 1;
      finish();
    });
  await Promise.all(pool.map(drained));
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The standard error of the mean, which the search takes into account. */
function stderr(values: number[]): number {
  const center = mean(values);
  const squares = values.map((value) => (value - center) ** 2);
  return Math.sqrt(mean(squares) / (values.length - 1));
}

async function tune(address: string | undefined): Promise<void> {
  const client = connect(address);
  const { experiment } = await client.experiments.createExperiment({
    name: "worker_threads pool",
    parameters: [
      { name: "threads", type: ParameterType.INT, bounds: { min: 1, max: 8 } },
      {
        name: "chunk",
        type: ParameterType.INT,
        bounds: { min: 1, max: 4096 },
        transformation: ParameterTransformation.LOG,
      },
      { name: "depth", type: ParameterType.INT, bounds: { min: 1, max: 8 } },
    ],
    metrics: [{ name: "seconds", objective: MetricObjective.MINIMIZE }],
    budget: BUDGET,
  });
  const { experimentId } = experiment!;
  await client.work<Pool>(experimentId, async (pool) => {
    const seconds = await measure(pool);
    console.log(`${mean(seconds).toFixed(3)} s`, pool);
    return { seconds: { value: mean(seconds), stddev: stderr(seconds) } };
  });
  const { bestAssignments } = await client.analysis.listBestAssignments({ experimentId });
  const best = toAssignments<Pool>(bestAssignments[0]?.observation?.assignments ?? {});
  // What one writes first: a thread for each core, one item in each message, one message at a time.
  const usual = { threads: availableParallelism(), chunk: 1, depth: 1 };
  // Measured once more, side by side: the best of many is partly luck.
  for (const [name, pool] of Object.entries({ usual, best })) {
    console.log(`${name}: ${mean(await measure(pool)).toFixed(3)} s`, pool);
  }
}

if (isMainThread) {
  await tune(process.argv[2]);
} else {
  parentPort!.on("message", ([begin, end]: [number, number]) => {
    const keys = [];
    for (let item = begin; item < end; item++) keys.push(derive(item));
    parentPort!.postMessage(keys);
  });
}
