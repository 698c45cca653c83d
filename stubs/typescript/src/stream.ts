import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";

import type { Assignments, AssignmentsShape } from "./assignments.js";
import type { Services } from "./client.js";
import { NextpointError } from "./errors.js";
import type { Suggestion as SuggestionMessage } from "./gen/nextpoint/v1/suggestion_pb.js";
import { StreamClosedReason, SuggestionService } from "./gen/nextpoint/v1/suggestion_service_pb.js";
import { maxWaitToProto } from "./max_wait.js";
import { Retries, warnOnConsole, WORKER_POLICY } from "./retry.js";
import { callPolicy } from "./service_config.js";
import { LEASE_MS, Suggestion } from "./suggestion.js";

/** How long the first event may take, which says how long the next ones may. */
const OPENING_MS = 30_000;

/** Patient only once it worked: an address where nothing answers is more likely wrong. */
const OPENING_POLICY = {
  ...callPolicy(SuggestionService.method.streamSuggestions),
  patienceMs: OPENING_MS,
};

export interface StreamOptions {
  /** Who evaluates: different for every worker. By default a name that no other worker has. */
  readonly workerId?: string;
  /** How many suggestions to hold at the same time. By default 1. */
  readonly maxOutstanding?: number;
  /**
   * How long a point that knows the newest observations is worth waiting for, up to an hour. By
   * default a tenth of what an evaluation takes.
   */
  readonly maxWaitMs?: number;
  /** Stops the stream: it throws the signal's reason and gives back what it holds. */
  readonly signal?: AbortSignal;
  /** Hears of every break, once. By default it is written to standard error. */
  readonly onWarning?: (message: string) => void;
}

/**
 * The suggestions to one worker, over breaks of the stream, until there is no more to do.
 *
 * It receives beside its reader, so that a break is noticed and mended while something is
 * evaluated, and the leases live. Leaving a `for await` loop early ends the stream and gives back
 * every suggestion that was not reported.
 */
export class SuggestionStream<
  A extends AssignmentsShape<A> = Assignments,
> implements AsyncIterableIterator<Suggestion<A>> {
  readonly workerId: string;

  /** Why there is no more to do, once the service has said so. */
  closedReason: StreamClosedReason | undefined;

  readonly #maxWait: Duration | undefined;
  readonly #stop = new AbortController();
  readonly #seen = new Set<string>();
  readonly #held = new Map<string, Suggestion<A>>();
  readonly #untaken: Suggestion<A>[] = [];
  readonly #takers: (() => void)[] = [];
  readonly #givenBack: Promise<void>[] = [];
  #leaseMs = LEASE_MS;
  #receiving: Promise<void> | undefined;
  #ended = false;
  #error: unknown;

  constructor(
    private readonly services: Services,
    readonly experimentId: string,
    private readonly options: StreamOptions = {},
  ) {
    this.workerId = options.workerId ?? `${hostname().slice(0, 50)}-${process.pid}-${randomUUID()}`;
    this.#maxWait = maxWaitToProto(options.maxWaitMs);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns the next suggestion; several readers may share one stream. */
  async next(): Promise<IteratorResult<Suggestion<A>, undefined>> {
    this.#receiving ??= this.#receive();
    while (this.#untaken.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#takers.push(resolve));
    }
    const { signal } = this.options;
    if (signal?.aborted) {
      await this.return();
      throw signal.reason;
    }
    const suggestion = this.#untaken.shift();
    if (suggestion) return { done: false, value: suggestion };
    if (this.#error) throw this.#error;
    return { done: true, value: undefined };
  }

  /** Ends the stream and gives back every suggestion that was not reported. */
  async return(): Promise<IteratorResult<Suggestion<A>, undefined>> {
    this.stop();
    await this.#receiving;
    this.#giveBack([...this.#held.values()]);
    await Promise.all(this.#givenBack);
    return { done: true, value: undefined };
  }

  /** Takes nothing more. What was taken can still be reported, and is held until then. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#giveBack(this.#untaken.splice(0));
    for (const suggestion of this.#held.values()) suggestion.renew(this.#leaseMs);
    this.#end();
  }

  #giveBack(suggestions: Suggestion<A>[]): void {
    this.#givenBack.push(...suggestions.map((each) => each.giveBack()));
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const taker of this.#takers.splice(0)) taker();
  }

  async #receive(): Promise<void> {
    const { signal, onWarning = warnOnConsole } = this.options;
    const stop = () => this.stop();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    const retries = new Retries(OPENING_POLICY, ({ message }) =>
      onWarning(`no stream of suggestions, trying again: ${message}`),
    );
    try {
      const attempt = () => this.#receiveUntilBreak(retries);
      this.closedReason = await retries.run(attempt, this.#stop.signal);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#error = error;
      if (error instanceof NextpointError && error.reason === "WORKER_REPLACED") {
        // Whoever has this worker's name now holds the same, under the same attempts.
        for (const suggestion of this.#held.values()) suggestion.disown();
        this.#held.clear();
        this.#untaken.length = 0;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#end();
    }
  }

  /** Returns when the service says that there is no more to do. */
  async #receiveUntilBreak(retries: Retries): Promise<StreamClosedReason> {
    const call = new AbortController();
    const stop = () => call.abort();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    if (this.#stop.signal.aborted) stop();
    let silenceMs = OPENING_MS;
    const giveUp = () =>
      call.abort(
        new NextpointError(`nothing heard on the stream for ${silenceMs} ms`, Code.Unavailable),
      );
    let watchdog = setTimeout(giveUp, silenceMs);
    try {
      const request = {
        experimentId: this.experimentId,
        workerId: this.workerId,
        maxOutstanding: this.options.maxOutstanding ?? 1,
        maxWait: this.#maxWait,
      };
      const events = this.services.suggestions.streamSuggestions(request, { signal: call.signal });
      for await (const { event } of events) {
        if (event.case === "opened") {
          retries.restart(WORKER_POLICY);
          const { heartbeatInterval, leaseDuration } = event.value;
          if (heartbeatInterval) silenceMs = 2 * durationMs(heartbeatInterval) || OPENING_MS;
          if (leaseDuration) this.#leaseMs = durationMs(leaseDuration) || LEASE_MS;
        }
        clearTimeout(watchdog);
        watchdog = setTimeout(giveUp, silenceMs);
        if (event.case === "assigned") this.#assign(event.value.suggestion!);
        if (event.case === "closed") return event.value.reason;
      }
      throw new NextpointError("the stream ended without saying why", Code.Unavailable);
    } catch (error) {
      // A service that asks to wait is there.
      if (error instanceof NextpointError && error.retryAfterMs > 0) retries.policy = WORKER_POLICY;
      throw error;
    } finally {
      clearTimeout(watchdog);
      this.#stop.signal.removeEventListener("abort", stop);
      // Leaving the loop does not end the call.
      call.abort();
    }
  }

  #assign(message: SuggestionMessage): void {
    const handOut = `${message.suggestionId} ${message.attempt}`;
    if (this.#seen.has(handOut)) return;
    this.#seen.add(handOut);
    const held = this.#held.get(message.suggestionId);
    if (held) {
      // Handed out anew after a long break, while it is still evaluated here.
      held.attempt = message.attempt;
      return;
    }
    const suggestion = new Suggestion<A>(this.services, message, ({ id }) => this.#held.delete(id));
    this.#held.set(suggestion.id, suggestion);
    if (this.#stop.signal.aborted) {
      this.#giveBack([suggestion]);
      return;
    }
    this.#untaken.push(suggestion);
    this.#wake();
  }
}
