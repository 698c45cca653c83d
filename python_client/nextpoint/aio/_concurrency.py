"""What runs beside its caller, as tasks. `nextpoint._sync._concurrency` is the same as threads."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

import grpc.aio

from nextpoint._assignments import Assignments
from nextpoint._channel import channel_options
from nextpoint._outcome import Values
from nextpoint._search_space import Task

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

T = TypeVar("T")

# The type of the request says nothing about what is read.
StreamCall: TypeAlias = "grpc.aio.UnaryStreamCall[Any, T]"

# What `Experiment.optimize` runs: a coroutine function, or a function that gets a thread. Where the
# experiment has tasks it takes the task as well.
Evaluate: TypeAlias = (
    Callable[[Assignments], Awaitable[Values]]
    | Callable[[Assignments], Values]
    | Callable[[Assignments, Task], Awaitable[Values]]
    | Callable[[Assignments, Task], Values]
)


def open_channel(address: str) -> grpc.aio.Channel:
    """Return a channel, which connects when it is first used."""
    return grpc.aio.insecure_channel(address, options=channel_options(address))


class Background:
    """A function that runs beside its caller."""

    def __init__(self, function: Callable[[], Coroutine[None, None, None]]) -> None:
        self._task = asyncio.create_task(function())

    async def join(self) -> None:
        """Wait for its end, however it comes."""
        await asyncio.wait([self._task])

    async def cancel(self) -> None:
        """Interrupt it, and wait for its end."""
        self._task.cancel()
        await self.join()


class Signal:
    """Something that happened or not, to wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Let it have happened."""
        self._event.set()

    def clear(self) -> None:
        """Let it not have happened."""
        self._event.clear()

    def is_set(self) -> bool:
        """Return whether it happened."""
        return self._event.is_set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until it happens, or not much longer than this; return whether it happened."""
        try:
            async with asyncio.timeout(seconds):
                return await self._event.wait()
        except TimeoutError:
            return self.is_set()


class Inbox(Generic[T]):
    """A queue from one who puts to those who take."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue()

    def put(self, item: T) -> None:
        """Add an item."""
        self._queue.put_nowait(item)

    async def take(self) -> T:
        """Remove the oldest item, and wait for one if need be."""
        return await self._queue.get()

    def drain(self) -> list[T]:
        """Remove every item."""
        items = []
        while not self._queue.empty():
            items.append(self._queue.get_nowait())
        return items


async def read(call: StreamCall[T], seconds: float) -> T | None:
    """Return the next message of a stream, None at its end; raise TimeoutError on silence."""
    async with asyncio.timeout(seconds):
        message = await call.read()
    return None if message is grpc.aio.EOF else cast("T", message)


async def evaluated(evaluate: Evaluate, *point: Assignments | Task) -> Values:
    """Return what the user's function makes of assignments, and of the task if there is one."""
    function: Callable[..., object] = evaluate
    if inspect.iscoroutinefunction(evaluate):
        outcome = function(*point)
    else:
        outcome = await asyncio.to_thread(function, *point)
    # A plain function may return something to await as well.
    return cast("Values", await outcome if inspect.isawaitable(outcome) else outcome)


async def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns that would hold up everything else."""
    return await asyncio.to_thread(function)
