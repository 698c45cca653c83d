"""Decides when points are made: for whom, how many together, ahead of demand or anew.

Every experiment that is asked for points has a shelf. Calls that wait together are served by one
run of the optimizer. While workers evaluate, a point is made ahead, unless evaluations are quicker
than the model. A point that does not know the newest observations is handed out only when
waiting for a better one would cost more than the caller is willing to wait.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from nextpoint_service.application.ports import Database, Optimizer, Phase, Problem
from nextpoint_service.application.problems import Demand, read_problem
from nextpoint_service.domain.errors import Overloaded, ShuttingDown
from nextpoint_service.domain.suggestion import Proposal

_KNOWS_ENOUGH = sys.maxsize
"""The revision of a random point, which no observation makes stale."""
_WAIT_SHARE = 0.1


@dataclass(slots=True, eq=False)
class Point:
    """A proposal and the revision of the experiment that it knows."""

    proposal: Proposal
    revision: int
    used: bool = False


@dataclass(slots=True, eq=False)
class _Waiter:
    """A call that waits for a point, or for None: there will be none."""

    revision: int
    future: "asyncio.Future[Point | None]"
    takes_stale: bool = False

    def accepts(self, point: Point) -> bool:
        fresh = self.takes_stale or point.revision >= self.revision
        return fresh and not self.future.done()


@dataclass(slots=True, eq=False)
class _Shelf:
    """The points of one experiment: made and not asked for, and handed over but not stored."""

    experiment_id: str
    ready: deque[Point] = field(default_factory=deque)
    handed_over: list[Point] = field(default_factory=list)
    waiters: deque[_Waiter] = field(default_factory=deque)
    producer: "asyncio.Task[None] | None" = None
    revision: int = 0
    model_seconds: float = 0.0
    evaluation_seconds: float = 0.0
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
            if waiter is None:
                self.ready = deque(each for each in self.ready if each.revision >= point.revision)
                self.ready.append(point)
            else:
                self.waiters.remove(waiter)
                self.handed_over.append(point)
                waiter.future.set_result(point)

    def take_back(self, point: Point) -> None:
        """End the handing over of a point; if it was not used, it is somebody else's."""
        self.handed_over.remove(point)
        if not point.used:
            self.put([point])

    def leave(self, waiter: _Waiter) -> None:
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

    def demand(self, batch: int) -> Demand:
        """Return what is wanted, and what there is that the database does not know yet."""
        return Demand(
            wanted=len(self.waiters),
            batch=batch,
            ready=[each.proposal.assignments for each in self.ready],
            handed_over=[each.proposal.assignments for each in self.handed_over],
        )


class Planner:
    """Has points made by the optimizer. Lives on the event loop's thread."""

    def __init__(
        self,
        database: Database,
        optimizer: Optimizer,
        *,
        batch: int,
        idle_seconds: float,
        waiting_limit: int,
    ) -> None:
        self._database = database
        self._optimizer = optimizer
        self._batch = batch
        self._idle_seconds = idle_seconds
        self._waiting_limit = waiting_limit
        self._waiting = 0
        self._shelves: dict[str, _Shelf] = {}
        self._closed = False

    @asynccontextmanager
    async def point(
        self,
        experiment_id: str,
        revision: int,
        evaluation_seconds: list[float],
        max_wait: float | None,
    ) -> AsyncIterator[Point | None]:
        """Lend a point to the caller, who sets `used` when it is stored.

        `revision` is what the caller would like it to know, and `max_wait` how many seconds that is
        worth; None means a tenth of an evaluation. None is lent when no new point could be handed
        out any more: the caller looks again and finds out why. Raises ShuttingDown,
        and Overloaded when too many calls wait.
        """
        if self._closed:
            raise ShuttingDown
        shelf = self._shelves.setdefault(experiment_id, _Shelf(experiment_id))
        shelf.revision = max(shelf.revision, revision)
        shelf.evaluation_seconds = median(evaluation_seconds) if evaluation_seconds else 0.0
        shelf.asked_at = asyncio.get_running_loop().time()
        if max_wait is None:
            max_wait = _WAIT_SHARE * shelf.evaluation_seconds
        point = shelf.take(revision) or await self._wait(shelf, revision, max_wait)
        if point is None:
            yield None
            return
        try:
            yield point
        finally:
            shelf.take_back(point)
            self._produce(shelf)

    async def _wait(self, shelf: _Shelf, revision: int, max_wait: float) -> Point | None:
        if self._waiting >= self._waiting_limit:
            raise Overloaded(self._waiting_limit)
        waiter = _Waiter(revision, asyncio.get_running_loop().create_future())
        self._waiting += 1
        shelf.waiters.append(waiter)
        self._produce(shelf)
        try:
            await asyncio.wait([waiter.future], timeout=max_wait)
            if not waiter.future.done():
                waiter.takes_stale = True
                stale = shelf.take(0)
                if stale is not None:
                    return stale
            return await waiter.future
        except asyncio.CancelledError:
            shelf.leave(waiter)
            self._produce(shelf)
            raise
        finally:
            self._waiting -= 1
            if waiter in shelf.waiters:
                shelf.waiters.remove(waiter)

    def learned(self, experiment_id: str, revision: int) -> None:
        """Have points remade that do not know the newest observations."""
        shelf = self._shelves.get(experiment_id)
        if shelf is not None:
            shelf.revision = max(shelf.revision, revision)
            self._produce(shelf)

    def forget_idle(self) -> None:
        """Drop the points of experiments that nobody asked about for long."""
        for experiment_id, shelf in list(self._shelves.items()):
            busy = shelf.producer or shelf.waiters or shelf.handed_over
            if not busy and self._is_idle(shelf):
                del self._shelves[experiment_id]

    async def close(self) -> None:
        """Stop making points, and turn those away who wait for one."""
        self._closed = True
        for shelf in self._shelves.values():
            shelf.send_away(ShuttingDown())
        producers = [each.producer for each in self._shelves.values() if each.producer]
        for producer in producers:
            producer.cancel()
        await asyncio.gather(*producers, return_exceptions=True)

    def _is_idle(self, shelf: _Shelf) -> bool:
        return asyncio.get_running_loop().time() - shelf.asked_at > self._idle_seconds

    def _produce(self, shelf: _Shelf) -> None:
        if self._closed:
            return
        if shelf.producer is None and (shelf.waiters or self._should_make_ahead(shelf)):
            shelf.producer = asyncio.create_task(self._fill(shelf))
            shelf.producer.add_done_callback(lambda task: self._filled(shelf, task))

    def _filled(self, shelf: _Shelf, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not shelf.send_away(error):
            context = {"message": "a point could not be made ahead", "exception": error}
            task.get_loop().call_exception_handler(context)

    def _should_make_ahead(self, shelf: _Shelf) -> bool:
        """Whether a model's point would be ready before the next evaluation ends."""
        return (
            0.0 < shelf.model_seconds < shelf.evaluation_seconds
            and not any(point.revision >= shelf.revision for point in shelf.ready)
            and not self._is_idle(shelf)
        )

    async def _fill(self, shelf: _Shelf) -> None:
        try:
            while shelf.waiters or self._should_make_ahead(shelf):
                problem = await self._problem(shelf)
                if problem is None and shelf.waiters and not shelf.handed_over:
                    # What was handed over came back while the database was looked at.
                    continue
                if problem is None:
                    return
                began = asyncio.get_running_loop().time()
                proposals = await self._optimizer.propose(problem)
                if problem.phase is Phase.MODEL:
                    shelf.model_seconds = asyncio.get_running_loop().time() - began
                random = problem.phase is Phase.RANDOM
                revision = _KNOWS_ENOUGH if random else problem.experiment.revision
                shelf.put([Point(each, revision) for each in proposals])
        finally:
            # Here and not in a callback, so that nobody who comes later counts on this one.
            shelf.producer = None

    async def _problem(self, shelf: _Shelf) -> Problem | None:
        """Return what to ask the optimizer; None when nothing is to be made for now."""
        # Looked at before the database is, so that a point that is stored in between is known twice
        # rather than not at all.
        demand = shelf.demand(self._batch)
        problem = await self._database.read(
            lambda tx: read_problem(tx, shelf.experiment_id, demand)
        )
        if problem is None:
            shelf.send_away()
            return None
        shelf.revision = max(shelf.revision, problem.experiment.revision)
        # When all the room is handed over, whoever does not use it starts this anew.
        return problem if problem.count > 0 else None
