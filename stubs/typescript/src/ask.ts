import { durationFromMs } from "@bufbuild/protobuf/wkt";

import type { Assignments, AssignmentsShape } from "./assignments.js";
import type { Services } from "./client.js";
import { maxWait, type WaitOptions } from "./max_wait.js";
import { LEASE_MS, Suggestion } from "./suggestion.js";

export interface AskOptions extends WaitOptions {
  /** Who evaluates. By default a name made by the service. */
  readonly workerId?: string;
  /** How long the lease outlives this process, at least 1000. By default 60 seconds. */
  readonly leaseMs?: number;
  readonly signal?: AbortSignal;
}

/** Takes one suggestion and renews its lease until it is settled. */
export async function ask<A extends AssignmentsShape<A> = Assignments>(
  services: Services,
  experimentId: string,
  { workerId = "", leaseMs = LEASE_MS, maxWaitMs, signal }: AskOptions = {},
): Promise<Suggestion<A>> {
  const { suggestion: message } = await services.suggestions.createSuggestion(
    {
      experimentId,
      workerId,
      leaseDuration: durationFromMs(leaseMs),
      maxWait: maxWait({ maxWaitMs }),
    },
    { signal },
  );
  const suggestion = new Suggestion<A>(services, message!);
  suggestion.renew(leaseMs);
  return suggestion;
}
