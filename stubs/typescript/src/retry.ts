import { setTimeout as sleep } from "node:timers/promises";

import { Code } from "@connectrpc/connect";

import { NextpointError } from "./errors.js";

export interface RetryPolicy {
  readonly firstDelayMs: number;
  readonly multiplier: number;
  readonly maxDelayMs: number;
  readonly maxAttempts: number;
  readonly patienceMs: number;
  readonly codes: readonly Code[];
}

/** For a worker that worked: 5 minutes. */
export const WORKER_POLICY: RetryPolicy = {
  firstDelayMs: 200,
  multiplier: 2,
  maxDelayMs: 10_000,
  maxAttempts: Infinity,
  patienceMs: 300_000,
  codes: [Code.Unavailable],
};

/** Attempts of one thing, with delays that grow between them. */
export class Retries {
  #failures = 0;
  #since: number | undefined = performance.now();

  constructor(private policy: RetryPolicy) {}

  /** Starts counting anew at the next failure, because the service answered. */
  restart(policy: RetryPolicy): void {
    this.policy = policy;
    this.#failures = 0;
    this.#since = undefined;
  }

  /** Returns what an attempt returns; throws what it throws unless that may be tried again. */
  async run<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (cause) {
        signal?.throwIfAborted();
        const error = NextpointError.from(cause);
        if (!this.policy.codes.includes(error.code)) throw error;
        await sleep(this.#delayAfter(error), undefined, { signal }).catch(() =>
          signal?.throwIfAborted(),
        );
      }
    }
  }

  #delayAfter(error: NextpointError): number {
    const { firstDelayMs, multiplier, maxDelayMs, maxAttempts, patienceMs } = this.policy;
    const growing = Math.min(firstDelayMs * multiplier ** this.#failures, maxDelayMs);
    // With jitter, so that workers do not come back all at once.
    const delay = growing * (0.5 + Math.random());
    this.#failures += 1;
    const delayMs = Math.max(delay, error.retryAfterMs);
    this.#since ??= performance.now();
    const waitedMs = performance.now() - this.#since;
    if (this.#failures >= maxAttempts || waitedMs + delayMs > patienceMs) throw error;
    return delayMs;
  }
}
