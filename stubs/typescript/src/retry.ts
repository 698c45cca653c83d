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
  /** Whether to wait, whatever the code, where the service says for how long. */
  readonly waitsWhenAsked?: boolean;
}

/** For a worker that worked: 5 minutes. */
export const WORKER_POLICY: RetryPolicy = {
  firstDelayMs: 200,
  multiplier: 2,
  maxDelayMs: 10_000,
  maxAttempts: Infinity,
  patienceMs: 300_000,
  codes: [Code.Unavailable],
  waitsWhenAsked: true,
};

export function warnOnConsole(message: string): void {
  console.warn(`nextpoint: ${message}`);
}

/** Attempts of one thing, with delays that grow between them. */
export class Retries {
  #failures = 0;
  #since: number | undefined = performance.now();

  constructor(
    public policy: RetryPolicy,
    /** Hears of the first of several failures in a row, unless it ends the attempts. */
    private readonly onFailure?: (error: NextpointError) => void,
  ) {}

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
        if (!this.#mayBeTriedAgain(error)) throw error;
        await sleep(this.#delayAfter(error), undefined, { signal }).catch(() =>
          signal?.throwIfAborted(),
        );
      }
    }
  }

  #mayBeTriedAgain({ code, retryAfterMs }: NextpointError): boolean {
    const { codes, waitsWhenAsked } = this.policy;
    return codes.includes(code) || (waitsWhenAsked === true && retryAfterMs > 0);
  }

  #delayAfter(error: NextpointError): number {
    const { firstDelayMs, multiplier, maxDelayMs, maxAttempts, patienceMs } = this.policy;
    const growing = Math.min(firstDelayMs * multiplier ** this.#failures, maxDelayMs);
    // With jitter, so that workers do not come back all at once.
    const delayMs = growing * (0.5 + 0.5 * Math.random());
    this.#failures += 1;
    this.#since ??= performance.now();
    const leftMs = Math.ceil(patienceMs - (performance.now() - this.#since));
    if (this.#failures >= maxAttempts || delayMs > leftMs) throw error;
    if (this.#failures === 1) this.onFailure?.(error);
    // Asked to wait for longer than that, it tries once more at the end.
    return Math.max(delayMs, Math.min(error.retryAfterMs, leftMs));
  }
}
