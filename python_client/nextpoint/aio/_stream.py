"""Follows the stream of suggestions to one worker, over breaks, until there is no more to do."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from typing import TYPE_CHECKING

from nextpoint._backoff import PATIENCE_SECONDS, Backoff
from nextpoint._convert import duration_to_proto
from nextpoint._errors import translated
from nextpoint._fields import Fields, raise_if_any
from nextpoint.aio._concurrency import Background, Inbox, Signal, read
from nextpoint.aio._suggestion import (
    ENDING_SECONDS,
    Suggestion,
    give_back,
    suggestion_from_proto,
)
from nextpoint.errors import NextpointError, StateError, UnavailableError, WorkerReplacedError
from nextpoint.v1 import suggestion_pb2, suggestion_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nextpoint.aio._concurrency import StreamCall
    from nextpoint.aio._connection import Connection
    from nextpoint.errors import FieldViolation

# How long the first event may take, which says how long the next ones may.
OPENING_SECONDS = 30.0

MOST_REMEMBERED = 10_000

logger = logging.getLogger("nextpoint")


def new_worker_id() -> str:
    """Return an id that no other worker has, and that says where this one runs."""
    return f"{socket.gethostname()[:50]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class SuggestionStream:
    """The suggestions to one worker, received beside its caller.

    Receiving never waits for an evaluation, so that a break is noticed and mended while one runs,
    and the leases live. What is received and not taken is bounded by ``max_outstanding``.
    """

    def __init__(
        self,
        connection: Connection,
        experiment_id: str,
        *,
        worker_id: str | None,
        max_outstanding: int,
        max_wait: float | None,
    ) -> None:
        self._connection = connection
        violations: list[FieldViolation] = []
        given = {"worker_id": worker_id, "max_outstanding": max_outstanding, "max_wait": max_wait}
        fields = Fields(given, "", violations)
        self._request = suggestion_service_pb2.StreamSuggestionsRequest(
            experiment_id=experiment_id,
            worker_id=fields.text("worker_id") or new_worker_id(),
            max_outstanding=fields.count("max_outstanding") or 0,
            max_wait=duration_to_proto(fields.seconds("max_wait")),
        )
        raise_if_any(violations, "the request")
        self._inbox: Inbox[Suggestion | Exception | None] = Inbox()
        # In the order of their coming; the oldest are forgotten, for nobody holds so many.
        self._seen: dict[tuple[str, int], None] = {}
        self._backoff = Backoff(PATIENCE_SECONDS)
        self._stopped = Signal()
        self._replaced = False
        self._call: StreamCall[suggestion_service_pb2.StreamSuggestionsResponse] | None = None
        self._receiving = Background(self._receive)

    async def take(self) -> Suggestion | None:
        """Return the next suggestion; None when there is no more to do.

        Raises:
            Exception: The stream ended for another reason. Whoever else takes gets None.
        """
        item = await self._inbox.take()
        while isinstance(item, Suggestion):
            # After a long break it may be handed out anew while it is evaluated, and reported.
            if item.attempt == 1 or not await self._is_observed(item):
                return item
            item = await self._inbox.take()
        # Everyone who takes learns that it has ended.
        self._inbox.put(None)
        if item is not None:
            raise item
        return None

    def stop(self) -> None:
        """Receive nothing more."""
        self._stopped.set()
        if self._call is not None:
            self._call.cancel()

    async def give_back(self, taken: Iterable[Suggestion] = ()) -> None:
        """End the stream; release what was received and not taken, and what is given here.

        Nothing is released for a worker whose id another one uses: that one holds it now.
        """
        self.stop()
        await self._receiving.join()
        left = [item for item in self._inbox.drain() if isinstance(item, Suggestion)]
        deadline = time.monotonic() + ENDING_SECONDS
        for item in (*left, *taken):
            within = deadline - time.monotonic()
            if not self._replaced and within > 0:
                await give_back(self._connection, item.id, item.attempt, within=within)
        self._inbox.put(None)

    async def _is_observed(self, suggestion: Suggestion) -> bool:
        request = suggestion_service_pb2.GetSuggestionRequest(suggestion_id=suggestion.id)
        response = await self._connection.call(self._connection.suggestions.GetSuggestion, request)
        return response.suggestion.state == suggestion_pb2.SUGGESTION_STATE_OBSERVED

    async def _receive(self) -> None:
        # What the taker is told when this ends by neither of the ways below.
        end: Exception | None = StateError("the client is closed", reason="CLIENT_CLOSED")
        try:
            await self._receive_over_breaks()
            end = None
        except Exception as error:  # noqa: BLE001  raised by whoever takes; here nobody would see it
            self._replaced = isinstance(error, WorkerReplacedError)
            if not self._connection.closed:
                end = error
        finally:
            self._inbox.put(None if self._stopped.is_set() else end)

    async def _receive_over_breaks(self) -> None:
        while not self._stopped.is_set():
            try:
                await self._receive_until_break()
            except NextpointError as error:
                if self._stopped.is_set() or not self._connection.is_worth_repeating(error):
                    raise
                delay = self._backoff.delay_after(error)
                logger.warning("stream broke off, opening it anew: %s", error)
                await self._stopped.wait(delay)
            else:
                return

    async def _receive_until_break(self) -> None:
        """Return when the service says that there is no more to do, or when stopped."""
        silence = OPENING_SECONDS
        self._connection.check_open()
        with translated(self._connection.address):
            self._call = self._connection.suggestions.StreamSuggestions(self._request)
            if self._stopped.is_set():
                self._call.cancel()
                return
            while True:
                try:
                    event = await read(self._call, silence)
                except TimeoutError:
                    self._call.cancel()
                    raise UnavailableError(
                        f"nothing heard on the stream for {silence:.1f} seconds", reason="SILENCE"
                    ) from None
                if event is None:
                    raise UnavailableError("the stream ended without saying why", reason="ENDED")
                if event.HasField("closed"):
                    return
                if event.HasField("opened"):
                    self._connection.answered = True
                    self._backoff.reset()
                    heartbeat_interval = event.opened.heartbeat_interval.ToTimedelta()
                    silence = 2 * heartbeat_interval.total_seconds() or OPENING_SECONDS
                elif event.HasField("assigned"):
                    self._receive_suggestion(event.assigned)

    def _receive_suggestion(self, assigned: suggestion_service_pb2.SuggestionAssigned) -> None:
        suggestion = suggestion_from_proto(self._connection, assigned.suggestion)
        hand_out = (suggestion.id, suggestion.attempt)
        if hand_out not in self._seen:
            self._seen[hand_out] = None
            if len(self._seen) > MOST_REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._inbox.put(suggestion)
