import type { Assignments, AssignmentsShape } from "./assignments.js";
import type { Services } from "./client.js";
import { NextpointError } from "./errors.js";
import type { StreamClosedReason } from "./gen/nextpoint/v1/suggestion_service_pb.js";
import { warnOnConsole } from "./retry.js";
import { SuggestionStream } from "./stream.js";
import type { Suggestion, Values } from "./suggestion.js";

export interface EvaluationContext<A extends AssignmentsShape<A>> {
  readonly suggestion: Suggestion<A>;
  /** Fires when the worker is stopped and the outcome is not wanted any more. */
  readonly signal: AbortSignal;
}

/** Measures one point. Throwing reports the evaluation as failed. */
export type Evaluate<A extends AssignmentsShape<A> = Assignments> = (
  assignments: A,
  context: EvaluationContext<A>,
) => Values | Promise<Values>;

export interface WorkOptions {
  /** Who evaluates: different for every worker. By default a name that no other worker has. */
  readonly workerId?: string;
  /** How many evaluations run at the same time. By default 1. */
  readonly concurrency?: number;
  /**
   * How long a point that knows the newest observations is worth waiting for, up to an hour. By
   * default a tenth of what an evaluation takes.
   */
  readonly maxWaitMs?: number;
  /**
   * Stops within 5 seconds: what was measured is still reported, everything else is given back, and
   * `work` throws the signal's reason, or why an outcome could not be reported.
   */
  readonly signal?: AbortSignal;
  /** Stops gently: what is being evaluated is finished and reported, nothing more is taken. */
  readonly drain?: AbortSignal;
  /** After how many failed evaluations in a row to give up. By default 10. */
  readonly maxConsecutiveFailures?: number;
  /** Hears of every failed evaluation. By default it is written to standard error. */
  readonly onFailure?: (error: unknown, suggestionId: string) => void;
  /**
   * Hears, once for each time, that the service is away, and of an outcome that is lost because the
   * experiment was archived. By default it is written to standard error.
   */
  readonly onWarning?: (message: string) => void;
}

export interface WorkResult {
  /** How many suggestions this worker evaluated, failed ones included. */
  readonly evaluated: number;
  /** Why there is no more to do. Absent when the worker was drained. */
  readonly closedReason: StreamClosedReason | undefined;
}

/** Runs a function over the stream of suggestions to one worker. */
export async function work<A extends AssignmentsShape<A> = Assignments>(
  services: Services,
  experimentId: string,
  evaluate: Evaluate<A>,
  options: WorkOptions = {},
): Promise<WorkResult> {
  const {
    workerId,
    concurrency = 1,
    maxWaitMs,
    signal = new AbortController().signal,
    drain,
    maxConsecutiveFailures = 10,
    onFailure = (error, id) => console.error(`evaluation of ${id} failed:`, error),
    onWarning = warnOnConsole,
  } = options;
  for (const [name, count] of Object.entries({ concurrency, maxConsecutiveFailures })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`${name} must be a whole number from 1, got ${count}`);
    }
  }
  const stream = new SuggestionStream<A>(services, experimentId, {
    workerId,
    maxOutstanding: concurrency,
    maxWaitMs,
    onWarning,
  });
  const reporting = { signal, onWarning };
  let evaluated = 0;
  let failuresInARow = 0;

  async function evaluateAndReport(suggestion: Suggestion<A>): Promise<void> {
    let values: Values;
    try {
      const context = { suggestion, signal };
      values = await unlessAborted(async () => evaluate(suggestion.assignments, context), signal);
      refuseUnusable(values);
    } catch (error) {
      if (signal.aborted) return suggestion.giveBack();
      onFailure(error, suggestion.id);
      await unlessArchived(suggestion, suggestion.fail(reporting));
      evaluated += 1;
      failuresInARow += 1;
      if (failuresInARow >= maxConsecutiveFailures) {
        throw new Error(`${failuresInARow} evaluations in a row failed`, { cause: error });
      }
      return;
    }
    await unlessArchived(suggestion, suggestion.observe(values, reporting));
    evaluated += 1;
    failuresInARow = 0;
  }

  /** An outcome that comes after the archive is lost, and the stream says why there is no more. */
  async function unlessArchived(suggestion: Suggestion<A>, report: Promise<unknown>) {
    try {
      await report;
    } catch (error) {
      if (!(error instanceof NextpointError && error.reason === "EXPERIMENT_ARCHIVED")) throw error;
      onWarning(`the outcome of ${suggestion.id} is lost: ${error.message}`);
    }
  }

  async function evaluateAll(): Promise<void> {
    try {
      for await (const suggestion of shared(stream)) await evaluateAndReport(suggestion);
    } catch (error) {
      // The others finish what they evaluate, and take nothing more.
      stream.stop();
      throw error;
    }
  }

  const stop = () => stream.stop();
  const stops = [signal, drain].filter((each) => each !== undefined);
  for (const each of stops) each.addEventListener("abort", stop, { once: true });
  if (stops.some(({ aborted }) => aborted)) stop();
  try {
    const outcomes = await Promise.allSettled(Array.from({ length: concurrency }, evaluateAll));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    signal.throwIfAborted();
    return { evaluated, closedReason: stream.closedReason };
  } finally {
    for (const each of stops) each.removeEventListener("abort", stop);
    await stream.return();
  }
}

/** A loop that fails ends by itself only: leaving it early does not end the stream of the others. */
function shared<T>(iterator: AsyncIterator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
}

/** Returns what the function returns; throws the signal's reason as soon as it fires. */
async function unlessAborted<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([run(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What is no number to learn from, as after a divergence, is a failure. */
function refuseUnusable(values: Values): void {
  for (const [name, measured] of Object.entries<Values[string] | undefined>(values)) {
    const { value, stddev = 0 } =
      typeof measured === "number" ? { value: measured } : { ...measured };
    if (!Number.isFinite(value)) throw new RangeError(`the value of '${name}' is ${value}`);
    if (!Number.isFinite(stddev) || stddev < 0) {
      throw new RangeError(`the standard deviation of '${name}' is ${stddev}`);
    }
  }
}
