"""The points of one experiment that are made and not stored, and the calls that wait for one."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import assert_never

from nextpoint_service.application.pace import Pace
from nextpoint_service.application.problems import Demand
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal


class Fate(Enum):
    """What became of a point that was handed over."""

    UNUSED = "unused"
    """It is somebody else's."""
    HANDED_OUT = "handed out"
    DISCARDED = "discarded"
    """It is nobody's: a twin of it was handed out, or nobody knows."""
    OUTDATED = "outdated"
    """The search space is another one by now, for all points that were made for the old one."""


@dataclass(slots=True, eq=False)
class Point:
    """A proposal, the search space that it is for, and the revision that it knows.

    `stands_in` for one of the model's, which only those take who would wait too long for that. Who
    is lent it says its `fate`.
    """

    proposal: Proposal
    space: SearchSpace
    revision: int
    stands_in: bool = False
    fate: Fate = Fate.UNUSED


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits for a point, or for None: there will be none.

    In time it `takes_stale` points too, and `is_late`: it would rather have any than wait for the
    turn of its experiment.
    """

    revision: int
    future: asyncio.Future[Point | None]
    takes_stale: bool = False
    is_late: bool = False

    def accepts(self, point: Point) -> bool:
        """Whether the call takes this point now."""
        if self.future.done():
            return False
        if point.stands_in:
            return self.is_late
        return self.takes_stale or point.revision >= self.revision


@dataclass(frozen=True, slots=True)
class Round:
    """A round of the model that is under way: what it will know, and when it should be done."""

    revision: int
    until: float


@dataclass(slots=True, eq=False)
class Shelf:
    """The points of one experiment: made and not asked for, and handed over but not stored."""

    experiment_id: str
    ready: list[Point] = field(default_factory=list)
    handed_over: list[Point] = field(default_factory=list)
    waiters: deque[Waiter] = field(default_factory=deque)
    producer: asyncio.Task[None] | None = None
    stand_in: asyncio.Task[None] | None = None
    models: str = ""
    """What makes its points, as the optimizer names it; empty where that is no model."""
    round: Round | None = None
    waits_for_turn: bool = False
    revision: int = 0
    pace: Pace = field(default_factory=Pace)
    asked_at: float = 0.0

    def asked(self, now: float, max_wait: float | None) -> None:
        """Note that somebody asks for a point, and how long they would wait for a fresh one."""
        self.asked_at = now
        self.pace.asked(now, max_wait)

    def take(self, revision: int) -> Point | None:
        """Hand over the first point that knows the most, and at least this revision."""
        point = max(self.ready, key=lambda each: each.revision, default=None)
        if point is None or point.revision < revision:
            return None
        self.ready.remove(point)
        self.handed_over.append(point)
        return point

    def put(self, points: list[Point]) -> None:
        """Hand new points over to those who wait; keep the rest, and older ones if they are few."""
        for point in points:
            waiter = next((each for each in self.waiters if each.accepts(point)), None)
            if waiter is not None:
                self.waiters.remove(waiter)
                self.handed_over.append(point)
                waiter.future.set_result(point)
            elif not point.stands_in:
                self.ready.append(point)
        newest = max((each.revision for each in (*points, *self.ready)), default=0)
        fresh = sum(each.revision == newest for each in self.ready)
        self.ready = self._best_first[: max(fresh, self.pace.ahead)]

    def take_back(self, point: Point) -> None:
        """End the handing over of a point, as its fate says."""
        self.handed_over.remove(point)
        match point.fate:
            case Fate.UNUSED:
                self.put([point])
            case Fate.OUTDATED:
                self.ready = [each for each in self.ready if each.space != point.space]
            case Fate.HANDED_OUT | Fate.DISCARDED:
                pass
            case _:
                assert_never(point.fate)

    def leave(self, waiter: Waiter) -> None:
        """Let nothing be lost with a caller who went away."""
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            point = future.result()
            if point is not None:
                self.take_back(point)

    def send_away(self, error: BaseException | None = None) -> bool:
        """Tell those who wait that there is no point, or why; return whether anyone waited."""
        waiting = [each for each in self.waiters if not each.future.done()]
        self.waiters.clear()
        for waiter in waiting:
            if error is None:
                waiter.future.set_result(None)
            else:
                waiter.future.set_exception(error)
        return bool(waiting)

    def fresh_in(self, revision: int, now: float) -> float:
        """Return in how many seconds there should be a point that knows this revision."""
        another = self.pace.waited_for_turn + self.pace.round_seconds
        if self.round is None:
            return another
        left = max(0.0, self.round.until - now)
        return left if self.round.revision >= revision else left + another

    @property
    def lacks(self) -> bool:
        """Whether points that know all that is known are to be made ahead."""
        return self._fresh < self.pace.ahead

    @property
    def _best_first(self) -> list[Point]:
        return sorted(self.ready, key=lambda each: each.revision, reverse=True)

    @property
    def _fresh(self) -> int:
        return sum(each.revision >= self.revision for each in self.ready)

    @property
    def _leaving(self) -> list[Point]:
        """The ready points that are likely to be evaluated.

        Where calls wait for fresh points, those of a model that lack an outcome are not.
        """
        if not self.models:
            return self.ready
        return self._best_first[: max(self._fresh, self.pace.ahead)]

    def relieve(self) -> int:
        """Hand stale points to those who have waited long enough; return how many take any."""
        for waiter in list(self.waiters):
            if waiter.takes_stale or (waiter.is_late and self.waits_for_turn):
                point = None if waiter.future.done() else self.take(0)
                if point is not None:
                    self.waiters.remove(waiter)
                    waiter.future.set_result(point)
        return sum(each.is_late for each in self.waiters) if self.waits_for_turn else 0

    def demand(self, wanted: int, batch: int) -> Demand:
        """Return what is wanted, and what there is that the database does not know yet."""
        return Demand(
            wanted=wanted,
            ahead=self.pace.ahead,
            batch=batch,
            fresh=self._fresh,
            ready=[each.proposal for each in self._leaving],
            handed_over=[each.proposal for each in self.handed_over],
        )
