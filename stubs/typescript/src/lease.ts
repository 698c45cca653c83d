import { durationFromMs } from "@bufbuild/protobuf/wkt";

import type { Assignments, AssignmentsShape } from "./assignments.js";
import type { Services } from "./client.js";
import { Suggestion } from "./suggestion.js";

export interface AskOptions {
  /** Who evaluates. By default a name made by the service. */
  readonly workerId?: string;
  /** How long the lease outlives this process, at least 1000. By default 60 seconds. */
  readonly leaseMs?: number;
  readonly signal?: AbortSignal;
}

/** Takes one suggestion and renews its lease, beside everything else, until it is settled. */
export async function ask<A extends AssignmentsShape<A> = Assignments>(
  services: Services,
  experimentId: string,
  { workerId = "", leaseMs = 60_000, signal }: AskOptions = {},
): Promise<Suggestion<A>> {
  // Said here, so that it is known when to renew it without comparing clocks.
  const leaseDuration = durationFromMs(leaseMs);
  const { suggestion: message } = await services.suggestions.createSuggestion(
    { experimentId, workerId, leaseDuration },
    { signal },
  );
  const { suggestionId, attempt } = message!;
  const intervalMs = leaseMs / 3;
  const renewal = setInterval(async () => {
    try {
      const { lost } = await services.suggestions.renewLeases(
        { handOuts: [{ suggestionId, attempt }], leaseDuration },
        { timeoutMs: intervalMs },
      );
      // The outcome is accepted all the same, so this is nothing to throw.
      if (lost.length > 0) clearInterval(renewal);
    } catch {
      // There is time for another attempt before the lease ends.
    }
  }, intervalMs);
  // A suggestion that was forgotten keeps no process alive.
  renewal.unref();
  return new Suggestion<A>(services, message!, () => clearInterval(renewal));
}
