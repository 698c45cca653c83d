"""The one table from domain errors to gRPC statuses."""

from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextpoint_service.domain.errors import (
    FieldViolation,
    InvalidRequest,
    LimitReached,
    NextpointServiceError,
    NotFound,
    PreconditionFailed,
    RequestIdReused,
    ShuttingDown,
    WorkerReplaced,
)
from nextpoint_service.transport.convert.values import seconds_to_proto

DOMAIN = "nextpoint"

_TEXT_BYTES = 400
_VIOLATIONS_BYTES = 2400
"""A status travels in headers, of which many clients take 8 KiB, in which it is written twice over
and in base64. One that is larger would not arrive at all."""

CODES: dict[type[NextpointServiceError], grpc.StatusCode] = {
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    RequestIdReused: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    PreconditionFailed: grpc.StatusCode.FAILED_PRECONDITION,
    LimitReached: grpc.StatusCode.RESOURCE_EXHAUSTED,
    WorkerReplaced: grpc.StatusCode.ABORTED,
    ShuttingDown: grpc.StatusCode.UNAVAILABLE,
}
"""The code of a class of errors holds for the classes below it."""


def code_of(error: NextpointServiceError) -> grpc.StatusCode:
    """Return the gRPC code of an error."""
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    raise LookupError(f"{type(error).__name__} has no status code")


def status_of(error: NextpointServiceError) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return the code and the status, with its details, that a caller gets for an error."""
    code = code_of(error)
    metadata = {name: _short(value) for name, value in error.metadata.items()}
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    ]
    match error:
        case InvalidRequest(violations=violations):
            details.append(_bad_request(violations))
        case (
            LimitReached(retry_after_seconds=float(seconds))
            | ShuttingDown(retry_after_seconds=float(seconds))
        ):
            details.append(error_details_pb2.RetryInfo(retry_delay=seconds_to_proto(seconds)))
    return code, _status(code, _short(str(error)), details)


def _bad_request(violations: Sequence[FieldViolation]) -> error_details_pb2.BadRequest:
    """Return as many violations as there is room for, and the number of the others."""
    message = error_details_pb2.BadRequest()
    for index, each in enumerate(violations):
        added = message.field_violations.add(
            field=_short(each.field), description=_short(each.description)
        )
        if message.ByteSize() > _VIOLATIONS_BYTES:
            added.description = f"and {len(violations) - index} more"
            break
    return message


def _short(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= _TEXT_BYTES:
        return text
    return encoded[:_TEXT_BYTES].decode(errors="ignore") + "…"


def status_of_bug(incident: str) -> tuple[grpc.StatusCode, status_pb2.Status]:
    """Return what a caller gets for a bug: a number to look up in the log, and nothing else."""
    code = grpc.StatusCode.INTERNAL
    details = [
        error_details_pb2.ErrorInfo(
            reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident}
        ),
        error_details_pb2.RequestInfo(request_id=incident),
    ]
    return code, _status(code, f"internal error; the log knows more under {incident}", details)


def _status(
    code: grpc.StatusCode, message: str, details: list[Message] | list[AnyMessage]
) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status
