"""From a failed gRPC call to an exception of ours: one table, one context manager."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from nextpoint import errors
from nextpoint.errors import FieldViolation, InvalidArgumentError, NextpointError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DETAILS_KEY = "grpc-status-details-bin"

BY_REASON: dict[str, type[NextpointError]] = {
    "BUDGET_SPENT": errors.BudgetSpentError,
    "GRID_EXHAUSTED": errors.BudgetSpentError,
    "EXPERIMENT_ARCHIVED": errors.ExperimentArchivedError,
    "LEASE_LOST": errors.LeaseLostError,
    "METRICS_MISSING": errors.MetricsMissingError,
    "RUN_ENDED": errors.RunEndedError,
    "WORKER_REPLACED": errors.WorkerReplacedError,
}

BY_CODE: dict[grpc.StatusCode, type[NextpointError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.StateError,
    grpc.StatusCode.ALREADY_EXISTS: errors.StateError,
    grpc.StatusCode.ABORTED: errors.StateError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.OverloadedError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    # Not by the caller, who gets no answer then: a server that ends breaks its calls off.
    grpc.StatusCode.CANCELLED: errors.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceededError,
    grpc.StatusCode.DATA_LOSS: errors.ServiceError,
    grpc.StatusCode.INTERNAL: errors.ServiceError,
    grpc.StatusCode.PERMISSION_DENIED: errors.ServiceError,
    grpc.StatusCode.UNAUTHENTICATED: errors.ServiceError,
    grpc.StatusCode.UNIMPLEMENTED: errors.ServiceError,
    grpc.StatusCode.UNKNOWN: errors.ServiceError,
    # A call that failed with OK broke the protocol.
    grpc.StatusCode.OK: errors.ServiceError,
}


@contextmanager
def translated(address: str) -> Iterator[None]:
    """Raise a `NextpointError` for whatever gRPC raises inside the block.

    What gRPC raised is its cause, without the way through gRPC that nobody has to read.
    """
    try:
        yield
    except grpc.RpcError as error:
        raise error_from_call(error, address) from error.with_traceback(None)


def error_from_call(call: grpc.RpcError, address: str) -> NextpointError:
    """Return the exception that says what became of a failed call."""
    # Both kinds of errors, of blocking calls and of asyncio's, are calls as well.
    code: grpc.StatusCode = call.code()
    info, retry, bad_request, request_info = _details(call)
    reason = info.reason or code.name
    message = _message(call, code, address, known=bool(info.reason))
    if request_info.request_id and request_info.request_id not in message:
        message += f" (incident {request_info.request_id})"
    retry_after = (
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None
    )
    kind = BY_REASON.get(reason) or BY_CODE[code]
    if issubclass(kind, InvalidArgumentError):
        violations = [FieldViolation(v.field, v.description) for v in bad_request.field_violations]
        if violations:
            # The service's message lists them as well, in one line.
            message = "the service refused the request:"
        return kind(message, reason=reason, metadata=info.metadata, violations=violations)
    return kind(message, reason=reason, metadata=info.metadata, retry_after=retry_after)


def _details(
    call: grpc.RpcError,
) -> tuple[
    error_details_pb2.ErrorInfo,
    error_details_pb2.RetryInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RequestInfo,
]:
    """Return the details that the service attached; those that it did not are empty."""
    known = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.RetryInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RequestInfo(),
    )
    # Pairs, as both libraries have them; the type stubs say otherwise.
    metadata = cast("Iterable[tuple[str, bytes]]", call.trailing_metadata() or ())
    for key, value in metadata:
        if key != DETAILS_KEY:
            continue
        try:
            status = status_pb2.Status.FromString(value)
            for packed in status.details:
                for detail in known:
                    packed.Unpack(detail)
        except DecodeError:
            # Whatever a proxy put there, the code and the message still say what happened.
            continue
    return known


def _message(call: grpc.RpcError, code: grpc.StatusCode, address: str, *, known: bool) -> str:
    details = call.details() or f"the call ended with {code.name}"
    if known:
        return details
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return (
                f"cannot reach the service at {address} ({details}). Is it running? Start it with "
                f"'nextpoint serve', or scripts/serve in a checkout, or name another address: "
                f"NEXTPOINT_ADDRESS=HOST:PORT in the environment, or nextpoint.Client('HOST:PORT')"
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return (
                f"the service at {address} did not answer in time; "
                f"nextpoint.Client(address, timeout=...) gives it more"
            )
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"the service at {address} does not know this call; is it of an older version?"
        case _:
            return details
