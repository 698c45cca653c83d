"""What runs beside its caller, as threads. `nextpoint.aio._concurrency` is the same as tasks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import grpc

from nextpoint._assignments import Assignments
from nextpoint._channel import channel_options
from nextpoint._outcome import Values
from nextpoint._search_space import Task

if TYPE_CHECKING:
    from grpc import _CallIterator

T = TypeVar("T")

# gRPC has no public name for it.
StreamCall: TypeAlias = "_CallIterator[T]"

# What `Experiment.optimize` runs.
Evaluate: TypeAlias = Callable[[Assignments], Values] | Callable[[Assignments, Task], Values]

# `Signal` in the words of the twin.
Signal = threading.Event


def open_channel(address: str) -> grpc.Channel:
    """Return a channel, which connects when it is first used."""
    return grpc.insecure_channel(address, options=channel_options(address))


class Background:
    """A function that runs beside its caller, and does not keep the process alive."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=function, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, however it comes."""
        self._thread.join()

    def cancel(self) -> None:
        """Do nothing: a thread cannot be interrupted. It ends by itself, or with the process."""


class Inbox(Generic[T]):
    """A queue from one who puts to those who take."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()

    def put(self, item: T) -> None:
        """Add an item."""
        self._queue.put(item)

    def take(self) -> T:
        """Remove the oldest item, and wait for one if need be."""
        return self._queue.get()

    def drain(self) -> list[T]:
        """Remove every item."""
        items = []
        while True:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                return items


def read(call: StreamCall[T], seconds: float) -> T | None:
    """Return the next message of a stream, None at its end; raise TimeoutError on silence."""
    taken: queue.SimpleQueue[T | grpc.RpcError | None] = queue.SimpleQueue()

    def take() -> None:
        try:
            taken.put(next(call, None))
        except grpc.RpcError as error:
            taken.put(error)

    # gRPC's blocking streams know no timeout for one message, and one that was cancelled has been
    # seen to wait on.
    threading.Thread(target=take, daemon=True).start()
    try:
        message = taken.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(message, grpc.RpcError):
        raise message
    return message


def evaluated(evaluate: Evaluate, *point: Assignments | Task) -> Values:
    """Return what the user's function makes of assignments, and of the task if there is one."""
    function: Callable[..., Values] = evaluate
    return function(*point)


def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns that would hold up everything else."""
    return function()
