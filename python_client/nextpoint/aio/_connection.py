"""One channel to a service, and what every call on it has in common."""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from google.protobuf.message import Message

from nextpoint._backoff import Backoff
from nextpoint._channel import check_address, check_timeout
from nextpoint._errors import translated
from nextpoint.aio._concurrency import Signal, open_channel
from nextpoint.aio._leases import LeaseKeeper
from nextpoint.errors import (
    DeadlineExceededError,
    NextpointError,
    StateError,
    UnavailableError,
)
from nextpoint.v1 import (
    analysis_service_pb2_grpc,
    experiment_service_pb2_grpc,
    observation_service_pb2_grpc,
    run_service_pb2_grpc,
    suggestion_service_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import grpc.aio

logger = logging.getLogger("nextpoint")

# A page of observations of 100 parameters stays small.
PAGE_SIZE = 200
_LONGEST_WAIT_SECONDS = 86400.0
"""Longer than any service waits."""

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class Change(Protocol):
    """A request that changes something."""

    request_id: str


class Page(Protocol):
    """A response that more may follow."""

    next_page_token: str


class PagedRequest(Protocol):
    """A request for one page."""

    page_token: str


class Connection:
    """A connection that is made when it is first needed."""

    def __init__(self, address: str, timeout: float) -> None:
        check_address(address)
        self.address = address
        self.timeout = check_timeout(timeout)
        self.answered = False
        self._closed = Signal()
        self._channel = open_channel(address)
        self.experiments: experiment_service_pb2_grpc.ExperimentServiceAsyncStub = _bound(
            experiment_service_pb2_grpc.ExperimentServiceStub, self._channel
        )
        self.suggestions: suggestion_service_pb2_grpc.SuggestionServiceAsyncStub = _bound(
            suggestion_service_pb2_grpc.SuggestionServiceStub, self._channel
        )
        self.observations: observation_service_pb2_grpc.ObservationServiceAsyncStub = _bound(
            observation_service_pb2_grpc.ObservationServiceStub, self._channel
        )
        self.runs: run_service_pb2_grpc.RunServiceAsyncStub = _bound(
            run_service_pb2_grpc.RunServiceStub, self._channel
        )
        self.analysis: analysis_service_pb2_grpc.AnalysisServiceAsyncStub = _bound(
            analysis_service_pb2_grpc.AnalysisServiceStub, self._channel
        )
        self.leases = LeaseKeeper(self)

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        waits: float | None = None,
        within: float | None = None,
    ) -> Response:
        """Return the response, or raise NextpointError.

        A change gets its request id here, once: the same request, called again, is the same change.

        Args:
            method: What to call.
            request: What to call it with.
            waits: How many seconds the service was asked to wait, on top of the client's timeout.
                What is no such time, it refuses at once.
            within: How many seconds to wait instead of the client's timeout.
        """
        _identify(request)
        seconds = within or self.timeout + min(max(waits or 0.0, 0.0), _LONGEST_WAIT_SECONDS)
        deadline = time.monotonic() + seconds
        backoff = Backoff(seconds)
        error: NextpointError | None = None
        while True:
            self.check_open()
            try:
                with translated(self.address):
                    response = await method(request, timeout=max(deadline - time.monotonic(), 0.0))
            except DeadlineExceededError:
                # Why the time was spent says more than that it was.
                if error is not None:
                    raise error from None
                raise
            except NextpointError as refused:
                if not self.is_worth_repeating(refused):
                    raise
                error = refused
                delay = backoff.delay_after(refused)
                logger.warning("trying again for a while: %s", refused)
                await self._closed.wait(delay)
            else:
                self.answered = True
                return response

    def is_worth_repeating(self, error: NextpointError) -> bool:
        """Whether the same call may succeed later: the service says so, or it was there before.

        A service that answered before is being restarted. One that never did is somewhere else, and
        its user wants to know.
        """
        restarting = isinstance(error, UnavailableError) and self.answered
        return restarting or error.retry_after is not None

    async def pages(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
    ) -> AsyncIterator[Response]:
        """Yield every page of a list."""
        while True:
            page = await self.call(method, request)
            yield page
            token = cast("Page", page).next_page_token
            if not token:
                return
            cast("PagedRequest", request).page_token = token

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def check_open(self) -> None:
        """Raise StateError when the connection is closed."""
        if self.closed:
            raise StateError("the client is closed", reason="CLIENT_CLOSED")

    async def close(self) -> None:
        """End every call and the renewal of leases."""
        self._closed.set()
        self.leases.stop()
        await self._channel.close()
        await self.leases.join()


def _identify(request: Message) -> None:
    """Give a change its id, unless it has one."""
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        change = cast("Change", request)
        change.request_id = change.request_id or uuid.uuid4().hex


# The generated types know stubs of blocking calls and of asyncio's, the code one class for both.
def _bound(stub: Callable[[Any], object], channel: object) -> Any:  # noqa: ANN401
    return stub(channel)
