import { durationFromMs } from "@bufbuild/protobuf/wkt";

import type { Assignments, AssignmentsShape } from "./assignments.js";
import type { Services } from "./client.js";
import { maxWaitToProto } from "./max_wait.js";
import { LEASE_MS, Suggestion } from "./suggestion.js";

export interface AskOptions {
  /** Who evaluates. By default a name made by the service. */
  readonly workerId?: string;
  /** How long the lease outlives this process, at least 1000. By default 60 seconds. */
  readonly leaseMs?: number;
  /**
   * How long a point that knows the newest observations is worth waiting for, up to an hour. By
   * default a tenth of what an evaluation takes.
   */
  readonly maxWaitMs?: number;
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
      maxWait: maxWaitToProto(maxWaitMs),
    },
    { signal },
  );
  const suggestion = new Suggestion<A>(services, message!);
  suggestion.renew(leaseMs);
  return suggestion;
}
