"""The stream to a worker: it delivers what is leased, and decides nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from nextpoint.v1 import suggestion_service_pb2 as pb
from nextpoint_service.application.events import Events, Subscription
from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.application.suggestions import Outlook, SuggestionUseCases
from nextpoint_service.domain.errors import (
    BudgetSpent,
    ExperimentArchived,
    GridExhausted,
)
from nextpoint_service.domain.suggestion import Ending
from nextpoint_service.transport.convert.suggestions import suggestion_to_proto
from nextpoint_service.transport.convert.values import seconds_to_proto

ENDINGS = {
    Ending.BUDGET_REACHED: pb.STREAM_CLOSED_REASON_BUDGET_REACHED,
    Ending.GRID_EXHAUSTED: pb.STREAM_CLOSED_REASON_GRID_EXHAUSTED,
    Ending.EXPERIMENT_ARCHIVED: pb.STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED,
}

_AT_ONCE = 8
"""How many suggestions a stream waits for at the same time.

As many streams as there may be stay below the limit of calls that wait, by default.
"""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a worker on a stream can rely on."""

    heartbeat_seconds: float
    lease_seconds: float


class SuggestionStreams:
    """Serves the streams of all workers."""

    def __init__(
        self,
        suggestions: SuggestionUseCases,
        events: Events,
        settings: StreamSettings,
    ) -> None:
        self._suggestions = suggestions
        self._events = events
        self._settings = settings

    async def events(self, ask: Ask) -> AsyncIterator[pb.StreamSuggestionsResponse]:
        """Yield the events of one stream; see docs/contract.md for what they promise."""
        # Before anything is sent, so that an unknown experiment is an error and not a stream.
        await self._suggestions.check_stream(ask)
        subscription = self._events.subscribe(ask.experiment_id, ask.worker_id)
        delivery = _Delivery(self._suggestions, subscription, ask)
        try:
            yield self._opened()
            async for event in delivery.events(self._settings):
                yield event
        finally:
            self._events.unsubscribe(ask.experiment_id, ask.worker_id, subscription)
            await delivery.close()

    def _opened(self) -> pb.StreamSuggestionsResponse:
        return pb.StreamSuggestionsResponse(
            opened=pb.StreamOpened(
                heartbeat_interval=seconds_to_proto(self._settings.heartbeat_seconds),
                lease_duration=seconds_to_proto(self._settings.lease_seconds),
            )
        )


class _Delivery:
    """One stream under way."""

    def __init__(
        self, suggestions: SuggestionUseCases, subscription: Subscription, ask: Ask
    ) -> None:
        self._suggestions = suggestions
        self._subscription = subscription
        self._ask = ask
        self._sent: set[tuple[str, int]] = set()
        self._taking: set[asyncio.Task[bool]] = set()
        self._listening: asyncio.Task[None] | None = None

    async def events(self, settings: StreamSettings) -> AsyncIterator[pb.StreamSuggestionsResponse]:
        """Yield suggestions and heartbeats until there is no more to do."""
        clock = asyncio.get_running_loop().time
        sent_at = clock()
        none_left = False
        while True:
            # A change that came after the last look makes another try worth while.
            if self._subscription.begin_look():
                none_left = False
            outlook = await self._suggestions.outlook(self._ask.experiment_id, self._ask.worker_id)
            if outlook.ending is not None:
                reason = ENDINGS[outlook.ending]
                yield pb.StreamSuggestionsResponse(closed=pb.StreamClosed(reason=reason))
                return
            for event in self._unsent(outlook):
                yield event
                sent_at = clock()
            if not none_left:
                self._take_more(held=len(outlook.held))
            # Much may happen to others, of which this worker hears nothing.
            await self._something_happened(sent_at + settings.heartbeat_seconds - clock())
            if clock() - sent_at >= settings.heartbeat_seconds:
                yield pb.StreamSuggestionsResponse(heartbeat=pb.StreamHeartbeat())
                sent_at = clock()
            none_left |= not self._took()

    def _unsent(self, outlook: Outlook) -> list[pb.StreamSuggestionsResponse]:
        held = {(each.suggestion_id, each.attempt): each for each in outlook.held}
        new = [each for key, each in held.items() if key not in self._sent]
        self._sent = set(held)
        return [
            pb.StreamSuggestionsResponse(
                assigned=pb.SuggestionAssigned(suggestion=suggestion_to_proto(each))
            )
            for each in new
        ]

    def _take_more(self, *, held: int) -> None:
        """Ask for several at the same time, so that one round of the model makes them."""
        under_way = len(self._taking)
        for _ in range(min(self._ask.most_held - held, _AT_ONCE) - under_way):
            self._taking.add(asyncio.create_task(self._take()))

    async def _take(self) -> bool:
        """Lease one more suggestion to the worker; False when there is none for now."""
        try:
            await self._suggestions.take(self._ask)
        except (BudgetSpent, GridExhausted, ExperimentArchived):
            return False
        return True

    def _took(self) -> bool:
        """Forget what has been taken; return False when there is no more for now."""
        done = {each for each in self._taking if each.done()}
        self._taking -= done
        # All are looked at, so that no error is left behind.
        errors = [error for each in done if (error := each.exception()) is not None]
        if errors:
            raise errors[0]
        return all(each.result() for each in done)

    async def _something_happened(self, seconds: float) -> None:
        """Wait for a change or the end of a hand-out, but not longer than this."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._subscription.changed())
        waiting = {self._listening, *self._taking}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Stop what is under way; a lease that is being made stays the worker's."""
        under_way = [*self._taking, *([self._listening] if self._listening else [])]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
