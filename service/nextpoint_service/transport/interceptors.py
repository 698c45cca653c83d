"""What every call passes through: who calls, how it ended, and errors as statuses."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn
from uuid import uuid4

import grpc
import structlog
from google.protobuf.message import DecodeError

from nextpoint_service.domain.errors import FieldViolation, InvalidRequest, NextpointServiceError
from nextpoint_service.transport.errors import status_of, status_of_bug

_log = structlog.get_logger()

_DETAILS_KEY = "grpc-status-details-bin"

# gRPC hands over handlers, requests and contexts of any service, hence Any throughout.
_Handler = Any
_Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Turns exceptions into statuses and writes one line per call.

    It is also the place that knows who calls: today the peer's address.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Wrap the handler of a call."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/nextpoint."):
            return handler
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _watched_stream(method, handler.unary_stream),
                request_deserializer=_reader(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _watched(method, handler.unary_unary),
            request_deserializer=_reader(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _reader(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return what reads a request, or None in its place: gRPC would answer with a traceback."""

    def read_or_none(message: bytes) -> Any:  # noqa: ANN401
        try:
            return read(message)
        except DecodeError:
            return None

    return read_or_none


def _check_read(request: Any) -> None:  # noqa: ANN401
    if request is None:
        raise InvalidRequest(
            [FieldViolation("request", "is no message of the contract; text must be UTF-8")]
        )


def _watched(
    method: str, behaviour: Callable[[Any, _Context], Awaitable[Any]]
) -> Callable[[Any, _Context], Awaitable[Any]]:
    async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401
        line = _Line(method, context)
        try:
            _check_read(request)
            response = await behaviour(request, context)
        except Exception as error:  # noqa: BLE001 -- the border: whatever it is becomes a status
            await _abort(line, context, error)
        except BaseException:
            line.write("CANCELLED")
            raise
        line.write("OK")
        return response

    return call


def _watched_stream(
    method: str, behaviour: Callable[[Any, _Context], AsyncIterator[Any]]
) -> Callable[[Any, _Context], AsyncIterator[Any]]:
    async def call(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401
        line = _Line(method, context)
        events = behaviour(request, context)
        try:
            _check_read(request)
            async for event in events:
                yield event
        except Exception as error:  # noqa: BLE001 -- the border: whatever it is becomes a status
            await _abort(line, context, error)
        except BaseException:
            line.write("CANCELLED")
            raise
        finally:
            await events.aclose()  # type: ignore[attr-defined] # every behaviour is a generator
        line.write("OK")

    return call


async def _abort(line: "_Line", context: _Context, error: Exception) -> NoReturn:
    if isinstance(error, NextpointServiceError):
        code, status = status_of(error)
        line.write(code.name, reason=error.reason)
    else:
        incident = uuid4().hex
        code, status = status_of_bug(incident)
        line.write(code.name, incident=incident, error=error)
    await context.abort(
        code, status.message, trailing_metadata=((_DETAILS_KEY, status.SerializeToString()),)
    )
    raise AssertionError("abort returned")


class _Line:
    """The log line of one call."""

    def __init__(self, method: str, context: _Context) -> None:
        self._method = method.rsplit("/", 1)[-1]
        self._peer = context.peer()
        self._began = time.perf_counter()

    def write(
        self, code: str, *, reason: str = "", incident: str = "", error: Exception | None = None
    ) -> None:
        fields = {"reason": reason, "incident": incident}
        log = _log.info if error is None else _log.error
        log(
            "call",
            method=self._method,
            code=code,
            milliseconds=round((time.perf_counter() - self._began) * 1000, 1),
            peer=self._peer,
            **{name: value for name, value in fields.items() if value},
            **({} if error is None else {"exc_info": error}),
        )
