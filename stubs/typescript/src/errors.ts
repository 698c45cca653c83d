import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";

/** One field of a refused request, and what is wrong with it. */
export interface FieldViolation {
  /** The path of the field, such as `parameters[2].bounds.max`. */
  readonly field: string;
  readonly description: string;
}

/** Every failed call ends in one of these. The `cause` is Connect's own error. */
export class NextpointError extends Error {
  override readonly name = "NextpointError";

  /** What went wrong, such as `BUDGET_SPENT`. Absent when no service answered. */
  readonly reason: string | undefined;

  /** What varies in the message. */
  readonly metadata: Readonly<Record<string, string>>;

  /** Everything that is wrong with a refused request, each with the path of its field. */
  readonly violations: readonly FieldViolation[];

  /** How long the service asks to wait before another attempt, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(
    message: string,
    readonly code: Code,
    cause?: ConnectError,
  ) {
    super(message, { cause });
    const [info] = cause?.findDetails(ErrorInfoSchema) ?? [];
    const [retry] = cause?.findDetails(RetryInfoSchema) ?? [];
    const [request] = cause?.findDetails(BadRequestSchema) ?? [];
    this.reason = info?.reason;
    this.metadata = info?.metadata ?? {};
    this.violations = (request?.fieldViolations ?? []).map(({ field, description }) => ({
      field,
      description,
    }));
    this.retryAfterMs = retry?.retryDelay ? durationMs(retry.retryDelay) : 0;
  }

  /** Returns the error that says what became of a failed call. */
  static from(error: unknown): NextpointError {
    if (error instanceof NextpointError) return error;
    const cause = ConnectError.from(error);
    if (!isBroken(cause)) return new NextpointError(cause.rawMessage, cause.code, cause);
    const message = `no answer from the service: ${cause.rawMessage}`;
    return new NextpointError(message, Code.Unavailable, cause);
  }
}

/**
 * Whether the connection broke, which Connect reports with various codes. `Aborted` is one of them,
 * and must not be taken for the service's own, which is never to be retried.
 */
function isBroken(error: ConnectError): boolean {
  // Not by the caller, who gets no answer then: a service that ends breaks its calls off.
  if (error.code === Code.Canceled) return true;
  if (error.metadata.has("grpc-status")) return false;
  if (error.cause === undefined) {
    // The peer reset the HTTP/2 stream, or ended it without a status.
    return error.code === Code.Internal;
  }
  const { code } = error.cause as NodeJS.ErrnoException;
  return error.code !== Code.DeadlineExceeded && typeof code === "string";
}
