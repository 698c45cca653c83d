"""Computes one thing after another, whether or not those who asked are still there."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from nextpoint_service.domain.errors import NextpointServiceError, Overloaded, ShuttingDown

T = TypeVar("T")


class OneAtATime:
    """Owns what is computed now, and the queue for it. Lives on the event loop's thread.

    A caller may go away; a thread or a process does not, and so its turn lasts until its end.
    """

    def __init__(self, waiting_limit: int) -> None:
        """`waiting_limit` is how many calls wait for their turn at the same time."""
        self._free = asyncio.Lock()
        self._computing: asyncio.Task[object] | None = None
        self._waiting = 0
        self._waiting_limit = waiting_limit
        self._closed = False

    async def compute(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Compute when nothing else is computed.

        Raises what the work raises, Overloaded when too many calls wait, and ShuttingDown.
        """
        await self._turn()
        computing = asyncio.create_task(work())
        computing.add_done_callback(lambda _: self._free.release())
        self._computing = computing
        try:
            # Not the task itself, which would be cancelled together with the caller.
            await asyncio.wait([computing])
        except asyncio.CancelledError:
            computing.add_done_callback(_report_bug)
            raise
        if computing.cancelled():
            raise ShuttingDown
        return computing.result()

    async def close(self) -> None:
        """Wait no longer for what is computed, and turn those away who wait for their turn."""
        self._closed = True
        if self._computing is not None:
            self._computing.cancel()
            await asyncio.wait([self._computing])

    async def _turn(self) -> None:
        if self._closed:
            raise ShuttingDown
        if self._waiting >= self._waiting_limit:
            raise Overloaded(self._waiting_limit)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        if self._closed:
            self._free.release()
            raise ShuttingDown


def _report_bug(task: "asyncio.Task[T]") -> None:
    """Report an error that nobody waits for any more, unless it is one that callers can expect."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, NextpointServiceError):
        context = {"message": "an analysis that was given up failed", "exception": error}
        task.get_loop().call_exception_handler(context)
