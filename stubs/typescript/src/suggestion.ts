import { randomUUID } from "node:crypto";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code } from "@connectrpc/connect";

import { type Assignments, type AssignmentsShape, toAssignments } from "./assignments.js";
import type { Services } from "./client.js";
import type { MetricValueSchema, Observation } from "./gen/nextpoint/v1/observation_pb.js";
import type { Suggestion as SuggestionMessage } from "./gen/nextpoint/v1/suggestion_pb.js";
import type { Task } from "./gen/nextpoint/v1/task_pb.js";
import { Retries, warnOnConsole, WORKER_POLICY } from "./retry.js";

/** What was measured, by metric: a number, or a number with its standard deviation. */
export type Values = Record<string, number | { value: number; stddev: number }>;

/** However long the service is away: an outcome may have cost hours. */
const REPORT_POLICY = { ...WORKER_POLICY, codes: [Code.Unavailable, Code.DeadlineExceeded] };

/** How long a lease lasts where nobody says otherwise. */
export const LEASE_MS = 60_000;

/** How long a call may take for which somebody waits who wants to end. */
const ENDING_TIMEOUT_MS = 5_000;

const ENDING_POLICY = { ...REPORT_POLICY, maxDelayMs: 200, patienceMs: ENDING_TIMEOUT_MS };

export interface ReportOptions {
  /**
   * Ends soon: once it fires, reporting is tried for 5 more seconds. When that fails because the
   * service is away, it is not known whether the outcome was recorded.
   */
  readonly signal?: AbortSignal;
  /** Hears, once, that the service is away. By default it is written to standard error. */
  readonly onWarning?: (message: string) => void;
}

/** A point that is this worker's to evaluate, until it is observed, failed or released. */
export class Suggestion<A extends AssignmentsShape<A> = Assignments> {
  readonly id: string;
  readonly experimentId: string;
  readonly assignments: A;

  /** How to evaluate it. Undefined when the experiment has no tasks. */
  readonly task: Task | undefined;

  /** How often it was handed out. Grows when it comes back after its lease was lost. */
  attempt: number;

  #renewal: NodeJS.Timeout | undefined;
  #isAnothers = false;

  constructor(
    private readonly services: Services,
    /** The message as the service sent it, with its provenance. */
    readonly message: SuggestionMessage,
    private readonly onSettled?: (suggestion: Suggestion<A>) => void,
  ) {
    this.id = message.suggestionId;
    this.experimentId = message.experimentId;
    this.attempt = message.attempt;
    this.assignments = toAssignments<A>(message.assignments);
    this.task = message.task;
  }

  /** Reports what was measured. */
  observe(values: Values, options?: ReportOptions): Promise<Observation> {
    return this.#report({ values: toMetricValues(values) }, options);
  }

  /** Reports that the evaluation failed. It counts against the budget. */
  fail(options?: ReportOptions): Promise<Observation> {
    return this.#report({ failed: true }, options);
  }

  /** Gives it back: the next worker gets it. */
  async release(options?: CallOptions): Promise<void> {
    this.#settle();
    const { id: suggestionId, attempt } = this;
    await this.services.suggestions.releaseSuggestion({ suggestionId, attempt }, options);
  }

  /**
   * Notes that a worker of the same id holds it now, under the same attempt.
   *
   * @internal
   */
  disown(): void {
    this.#isAnothers = true;
  }

  /**
   * Gives it back where that is possible, soon: whoever waits wants to end.
   *
   * @internal
   */
  async giveBack(): Promise<void> {
    if (this.#isAnothers) return;
    // What cannot be given back comes back by itself when its lease ends.
    await this.release({ timeoutMs: ENDING_TIMEOUT_MS }).catch(() => {});
  }

  /**
   * Renews the lease, beside everything else, until this is settled. A stream that is open does so
   * by itself.
   *
   * @internal
   */
  renew(leaseMs: number): void {
    const intervalMs = leaseMs / 3;
    clearInterval(this.#renewal);
    this.#renewal = setInterval(() => void this.#renewOnce(leaseMs, intervalMs), intervalMs);
    // A suggestion that was forgotten keeps no process alive.
    this.#renewal.unref();
  }

  async #renewOnce(leaseMs: number, timeoutMs: number): Promise<void> {
    const handOuts = [{ suggestionId: this.id, attempt: this.attempt }];
    const leaseDuration = durationFromMs(leaseMs);
    try {
      const request = { handOuts, leaseDuration };
      const { lost } = await this.services.suggestions.renewLeases(request, { timeoutMs });
      // The outcome is accepted all the same, so this is nothing to throw.
      if (lost.length > 0) clearInterval(this.#renewal);
    } catch {
      // There is time for another attempt before the lease ends.
    }
  }

  /** Reports an outcome: patiently, until somebody wants to end. */
  async #report(
    outcome: { values: MessageInitShape<typeof MetricValueSchema>[] } | { failed: true },
    { signal, onWarning = warnOnConsole }: ReportOptions = {},
  ): Promise<Observation> {
    const request = {
      ...outcome,
      experimentId: this.experimentId,
      suggestionId: this.id,
      requestId: randomUUID(),
    };
    const report = async (options: CallOptions) => {
      const { observation } = await this.services.observations.createObservation(request, options);
      this.#settle();
      return observation!;
    };
    try {
      const retries = new Retries(REPORT_POLICY, ({ message }) =>
        onWarning(`the outcome of ${this.id} is not reported, trying again: ${message}`),
      );
      return await retries.run(() => report({ signal }), signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
      // It may arrive without becoming known, and is not given back then.
      this.#settle();
      const deadline = performance.now() + ENDING_TIMEOUT_MS;
      // One call gives up before that.
      return await new Retries(ENDING_POLICY).run(() =>
        report({ timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())) }),
      );
    }
  }

  #settle(): void {
    clearInterval(this.#renewal);
    this.onSettled?.(this);
  }
}

function toMetricValues(values: Values): MessageInitShape<typeof MetricValueSchema>[] {
  return Object.entries(values).map(([name, measured]) =>
    typeof measured === "number"
      ? { name, value: measured }
      : { name, value: measured.value, valueStddev: measured.stddev },
  );
}
