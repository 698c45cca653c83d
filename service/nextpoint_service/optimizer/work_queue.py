"""Work that waits for model processes.

What models of our own learned of an experiment is remembered where they did (`lessons`): its work
is for the process that did its last, as long as that one has nothing else to do.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition
from typing import Any

from nextpoint_service.optimizer.computing import Work

_REMEMBERED = 1000
"""Of so many experiments it is known which process did their last work."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Work for an experiment, and who waits for it; what it returns is known to them."""

    experiment_id: str
    work: Work[Any]
    future: Future[Any]


class WorkQueue:
    """Hands out work in the order in which it came, but for what is better done elsewhere.

    Processes go by their numbers. All methods may be called by any thread.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[Asked] = []
        self._idle: set[int] = set()
        self._last: OrderedDict[str, int] = OrderedDict()
        self._closed = False

    def put(self, asked: Asked) -> None:
        """Add work. Not after `close`: nobody would do it."""
        with self._changed:
            self._waiting.append(asked)
            self._changed.notify_all()

    def take(self, number: int) -> Asked | None:
        """Wait for work for the process, and return it; None once the queue is closed."""
        with self._changed:
            self._idle.add(number)
            self._changed.wait_for(lambda: self._closed or self._first_for(number))
            self._idle.remove(number)
            asked = None if self._closed else self._first_for(number)
            if asked is None:
                return None
            self._waiting.remove(asked)
            self._remember(asked.experiment_id, number)
            # What is better done by this process may be done by any that is idle now.
            self._changed.notify_all()
            return asked

    def close(self) -> list[Asked]:
        """Hand out no more work, and return what nobody has begun."""
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
            return left

    def _first_for(self, number: int) -> Asked | None:
        return first_for(number, self._waiting, idle=self._idle, last=self._last)

    def _remember(self, experiment_id: str, number: int) -> None:
        self._last[experiment_id] = number
        self._last.move_to_end(experiment_id)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)


def first_for(
    number: int, waiting: Iterable[Asked], *, idle: Collection[int], last: Mapping[str, int]
) -> Asked | None:
    """Return the first work that no other idle process should do."""
    others = {each for each in idle if each != number}
    return next((each for each in waiting if last.get(each.experiment_id) not in others), None)
