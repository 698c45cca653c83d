import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";

/** Returns what the contract calls `max_wait`. What is too long is for the service to refuse. */
export function maxWaitToProto(maxWaitMs: number | undefined): Duration | undefined {
  if (maxWaitMs === undefined) return undefined;
  if (typeof maxWaitMs !== "number" || !(maxWaitMs >= 0 && maxWaitMs <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`maxWaitMs must be a number of milliseconds from 0, got ${maxWaitMs}`);
  }
  // What is not zero stays so: zero means at once.
  return durationFromMs(Math.ceil(maxWaitMs));
}
