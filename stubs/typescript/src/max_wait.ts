import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";

export interface WaitOptions {
  /**
   * How long to wait for a point that knows the newest observations rather than evaluate one that
   * does not, up to an hour. By default a tenth of what an evaluation takes.
   */
  readonly maxWaitMs?: number;
}

/** Returns what the contract calls `max_wait`. */
export function maxWait({ maxWaitMs }: WaitOptions): Duration | undefined {
  if (maxWaitMs === undefined) return undefined;
  if (!(maxWaitMs >= 0 && maxWaitMs <= 3_600_000)) {
    throw new RangeError(`maxWaitMs must be from 0 to 3600000, got ${maxWaitMs}`);
  }
  return durationFromMs(Math.round(maxWaitMs));
}
