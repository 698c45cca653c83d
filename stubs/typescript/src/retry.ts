import { setTimeout as sleep } from "node:timers/promises";

import { Code } from "@connectrpc/connect";

import { NextpointError } from "./errors.js";
import serviceConfig from "./gen/nextpoint/service_config.js";

export interface RetryPolicy {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxAttempts: number;
  readonly patienceMs: number;
}

const [{ retryPolicy }] = serviceConfig.methodConfig;

/**
 * That of the clients of all languages: about 7 seconds, after which a service that never answered
 * is reported as not being there. Connect does not read it by itself.
 */
export const CALL_POLICY: RetryPolicy = {
  firstDelayMs: 1_000 * parseFloat(retryPolicy.initialBackoff),
  maxDelayMs: 1_000 * parseFloat(retryPolicy.maxBackoff),
  maxAttempts: retryPolicy.maxAttempts,
  patienceMs: Infinity,
};

/** For a worker that worked, or holds an outcome that may have cost hours: 5 minutes. */
export const WORKER_POLICY: RetryPolicy = {
  firstDelayMs: 200,
  maxDelayMs: 10_000,
  maxAttempts: Infinity,
  patienceMs: 300_000,
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
  async run<T>(
    attempt: () => Promise<T>,
    { signal, codes = [Code.Unavailable] }: { signal?: AbortSignal; codes?: Code[] },
  ): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (cause) {
        signal?.throwIfAborted();
        const error = NextpointError.from(cause);
        if (!codes.includes(error.code)) throw error;
        await sleep(this.#delayAfter(error), undefined, { signal }).catch(() =>
          signal?.throwIfAborted(),
        );
      }
    }
  }

  #delayAfter(error: NextpointError): number {
    const { firstDelayMs, maxDelayMs, maxAttempts, patienceMs } = this.policy;
    // With jitter, so that workers do not come back all at once.
    const delay = Math.min(firstDelayMs * 2 ** this.#failures, maxDelayMs) * (0.5 + Math.random());
    this.#failures += 1;
    const delayMs = Math.max(delay, error.retryAfterMs);
    this.#since ??= performance.now();
    const waitedMs = performance.now() - this.#since;
    if (this.#failures >= maxAttempts || waitedMs + delayMs > patienceMs) throw error;
    return delayMs;
  }
}
