"""Decides which experiment may use the models next."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A place in the queue."""

    is_urgent: Callable[[], bool]
    granted: "asyncio.Future[None]"


class Turns:
    """Gives turns at the models, so many at a time. Lives on the event loop's thread.

    Whoever has a turn and wants another goes to the end of the queue, so that an experiment for
    which many wait holds up no other. Nobody for whom a call waits comes after somebody for whom
    none does.
    """

    def __init__(self, at_a_time: int) -> None:
        self._free = at_a_time
        self._queue: list[_Place] = []

    @property
    def none_free(self) -> bool:
        """Whether a turn has to be waited for."""
        return not self._free

    @asynccontextmanager
    async def turn(self, is_urgent: Callable[[], bool]) -> AsyncIterator[None]:
        """Wait for a turn; whether it is urgent is looked at whenever there is one to give."""
        await self._take(is_urgent)
        try:
            yield
        finally:
            self._give()

    async def _take(self, is_urgent: Callable[[], bool]) -> None:
        if self._free:
            self._free -= 1
            return
        place = _Place(is_urgent, asyncio.get_running_loop().create_future())
        self._queue.append(place)
        try:
            await place.granted
        except asyncio.CancelledError:
            if place in self._queue:
                self._queue.remove(place)
            else:
                self._give()
            raise

    def _give(self) -> None:
        # Whoever was cancelled is still there until it is told.
        waiting = [each for each in self._queue if not each.granted.done()]
        if not waiting:
            self._free += 1
            return
        next_one = next((each for each in waiting if each.is_urgent()), waiting[0])
        self._queue.remove(next_one)
        next_one.granted.set_result(None)
