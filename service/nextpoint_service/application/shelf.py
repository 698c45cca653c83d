"""The points of one experiment that are made and not stored, and the calls that wait for one."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from nextpoint_service.application.problems import Demand
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal

WAIT_SHARE = 0.1
"""Which share of an evaluation a fresh point is worth waiting for, when the caller says nothing."""
_REMEMBERED_ROUNDS = 5


@dataclass(slots=True, eq=False)
class Point:
    """A proposal, the search space that it is for, and the revision that it knows.

    `stands_in` for one of the model's, which only those take who would wait too long for that. Who
    is lent it says whether it was `used`, or is `outdated` because the space is another one by now.
    """

    proposal: Proposal
    space: SearchSpace
    revision: int
    stands_in: bool = False
    used: bool = False
    outdated: bool = False


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


@dataclass(slots=True)
class Pace:
    """How long the evaluations of an experiment take, and its models; 0 where it is not known."""

    evaluation_seconds: float = 0.0
    turn_seconds: float = 0.0
    """How long the last turn at the models had to be waited for."""
    _rounds: deque[tuple[float, int]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED_ROUNDS)
    )

    def took(self, seconds: float, points: int) -> None:
        """Note how long a round of the model took that made so many points."""
        self._rounds.append((seconds, max(1, points)))

    @property
    def round_seconds(self) -> float:
        """How long a round of the model takes."""
        return median(seconds for seconds, _ in self._rounds) if self._rounds else 0.0

    @property
    def point_seconds(self) -> float:
        """How long a round takes for each point that it makes."""
        return median(seconds / points for seconds, points in self._rounds) if self._rounds else 0.0

    @property
    def patience(self) -> float:
        """How long a fresh point is worth waiting for when the caller says nothing."""
        return WAIT_SHARE * self.evaluation_seconds

    @property
    def ahead(self) -> float:
        """How many rounds of the model an evaluation is worth waiting for, as points made ahead.

        That is the share of an evaluation for which a round lasts: of all that are evaluated, so
        many end meanwhile. It is 0 where nothing is to be made ahead: where a call waits for a
        fresh point anyway, since the model is quick, or where evaluations are quicker than it.
        """
        if self.patience < self.round_seconds < self.evaluation_seconds:
            return self.round_seconds / self.evaluation_seconds
        return 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """A round of the model that is under way: what it will know, and when it should be done."""

    revision: int
    until: float


@dataclass(slots=True, eq=False)
class Shelf:
    """The points of one experiment: made and not asked for, and handed over but not stored."""

    experiment_id: str
    ready: deque[Point] = field(default_factory=deque)
    handed_over: list[Point] = field(default_factory=list)
    waiters: deque[Waiter] = field(default_factory=deque)
    producer: asyncio.Task[None] | None = None
    stand_in: asyncio.Task[None] | None = None
    uses_model: bool = False
    round: Round | None = None
    waits_for_turn: bool = False
    revision: int = 0
    pace: Pace = field(default_factory=Pace)
    asked_at: float = 0.0

    def take(self, revision: int) -> Point | None:
        """Hand over a point that knows at least this revision."""
        for point in self.ready:
            if point.revision >= revision:
                self.ready.remove(point)
                self.handed_over.append(point)
                return point
        return None

    def put(self, points: list[Point]) -> None:
        """Hand new points over to those who wait and keep the rest in place of older ones."""
        for point in points:
            waiter = next((each for each in self.waiters if each.accepts(point)), None)
            if waiter is not None:
                self.waiters.remove(waiter)
                self.handed_over.append(point)
                waiter.future.set_result(point)
            elif not point.stands_in:
                self.ready = deque(each for each in self.ready if each.revision >= point.revision)
                self.ready.append(point)

    def take_back(self, point: Point) -> None:
        """End the handing over of a point; if it was not used, it is somebody else's."""
        self.handed_over.remove(point)
        if point.outdated:
            self.ready = deque(each for each in self.ready if each.space != point.space)
        elif not point.used:
            self.put([point])

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
        another = self.pace.turn_seconds + self.pace.round_seconds
        if self.round is None:
            return another
        left = max(0.0, self.round.until - now)
        return left if self.round.revision >= revision else left + another

    def has_fresh(self) -> bool:
        """Whether a point that was not asked for knows all that is known."""
        return any(each.revision >= self.revision for each in self.ready)

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
            ready=[each.proposal for each in self.ready],
            handed_over=[each.proposal for each in self.handed_over],
        )
