"""The one table from domain errors to gRPC statuses."""

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextpoint_service.domain.errors import (
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
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=error.reason, domain=DOMAIN, metadata=dict(error.metadata)
        )
    ]
    match error:
        case InvalidRequest(violations=violations):
            details.append(
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(
                            field=each.field, description=each.description
                        )
                        for each in violations
                    ]
                )
            )
        case (
            LimitReached(retry_after_seconds=float(seconds))
            | ShuttingDown(retry_after_seconds=float(seconds))
        ):
            details.append(error_details_pb2.RetryInfo(retry_delay=seconds_to_proto(seconds)))
    return code, _status(code, str(error), details)


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
