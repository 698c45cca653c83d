"""Wakes the streams of workers when something happened that concerns them."""

import asyncio
from collections.abc import Callable
from typing import assert_never

from nextpoint_service.application.ports import Changed, Event, Learned
from nextpoint_service.domain.errors import ShuttingDown, TooManyStreams, WorkerReplaced


class Subscription:
    """One stream's ear: a worker of an experiment that waits for changes."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._ended: Exception | None = None

    def wake(self) -> None:
        """Let the stream look again."""
        self._changed.set()

    def end(self, reason: Exception) -> None:
        """Make the stream fail with this reason the next time it looks."""
        self._ended = reason
        self._changed.set()

    def begin_look(self) -> bool:
        """Say, before looking, whether something changed since the last look.

        Raises the reason if the stream is to end.
        """
        if self._ended is not None:
            raise self._ended
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    async def changed(self) -> None:
        """Return once something changed since the last look."""
        await self._changed.wait()


class Events:
    """Passes committed events on. Lives on the event loop's thread."""

    def __init__(self, max_streams: int, learned: Callable[[str, int], None]) -> None:
        self._max_streams = max_streams
        self._learned = learned
        self._streams: dict[tuple[str, str], Subscription] = {}
        self._closing = False

    def subscribe(self, experiment_id: str, worker_id: str) -> Subscription:
        """Return the ear of a new stream; an older stream of the same worker ends.

        Raises TooManyStreams at the limit, and ShuttingDown.
        """
        key = (experiment_id, worker_id)
        if self._closing:
            raise ShuttingDown
        older = self._streams.get(key)
        if older is not None:
            older.end(WorkerReplaced(worker_id))
        elif len(self._streams) >= self._max_streams:
            raise TooManyStreams(self._max_streams)
        self._streams[key] = Subscription()
        return self._streams[key]

    def unsubscribe(self, experiment_id: str, worker_id: str, subscription: Subscription) -> None:
        """Forget the ear of a stream that ended, unless a newer one took its place."""
        if self._streams.get((experiment_id, worker_id)) is subscription:
            del self._streams[experiment_id, worker_id]

    def connected(self) -> set[tuple[str, str]]:
        """Return the (experiment id, worker id) pairs that have a stream now."""
        return set(self._streams)

    def publish(self, event: Event) -> None:
        """Pass an event on to those whom it concerns."""
        match event:
            case Learned(experiment_id, revision):
                self._learned(experiment_id, revision)
            case Changed(experiment_id, None):
                for (experiment, _), subscription in self._streams.items():
                    if experiment == experiment_id:
                        subscription.wake()
            case Changed(experiment_id, worker_id):
                subscribed = self._streams.get((experiment_id, worker_id or ""))
                if subscribed is not None:
                    subscribed.wake()
            case _:
                assert_never(event)

    def close(self) -> None:
        """End every stream, and refuse new ones."""
        self._closing = True
        for subscription in self._streams.values():
            subscription.end(ShuttingDown())
