"""Decides when points are made: for whom, how many together, ahead of demand or anew.

Every experiment that is asked for points has a shelf. Calls that wait together are served by one
round of the model. Where the model is quick compared with what a call waits for a fresh point, that
is all. Where it is not, points are made ahead while workers evaluate, unless evaluations are
quicker than the model, and made anew when an observation arrives. A point that does not know the
newest observations is handed out when a better one would not come in the time that the caller is
willing to wait. Experiments take turns at the models of their kind; a call that waits too long for
the turn of its experiment gets a point without a model.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from statistics import median

from nextpoint_service.application.optimizer_port import LOADING, Optimizer, Phase, Problem
from nextpoint_service.application.planner_settings import PlannerSettings
from nextpoint_service.application.ports import Database, Transaction
from nextpoint_service.application.problems import read_problem, with_tasks
from nextpoint_service.application.shelf import Fate, Point, Round, Shelf, Waiter
from nextpoint_service.application.turns import Turns
from nextpoint_service.domain.errors import Overloaded, ShuttingDown

_KNOWS_ENOUGH = sys.maxsize
"""The revision of a random point, which no observation makes stale."""
_RECENT_EVALUATIONS = 20
_BREATH_SECONDS = 0.01
"""How long nothing is made ahead after an outcome: its worker asks first, and others report too."""
_LOOK_SECONDS = 0.1
"""How often a call that is late looks whether the models are still loading."""
_NO_TURN = "the models were busy with other experiments"


class Planner:
    """Has points made by the optimizer. Lives on the event loop's thread."""

    def __init__(
        self,
        database: Database,
        optimizer: Optimizer,
        settings: PlannerSettings,
        clock: Callable[[], float],
    ) -> None:
        """`clock` says, in seconds, how long models take."""
        self._database = database
        self._optimizer = optimizer
        self._settings = settings
        self._clock = clock
        self._turns: defaultdict[str, Turns] = defaultdict(lambda: Turns(settings.turns))
        self._waiting = 0
        self._shelves: dict[str, Shelf] = {}
        self._closed = False

    @contextmanager
    def at_hand(self, experiment_id: str, max_wait: float | None) -> Iterator[Point | None]:
        """Lend, as `point` does, a point for which the caller would not wait; None without one."""
        shelf = self._shelves.get(experiment_id)
        if shelf is None or self._closed:
            yield None
            return
        shelf.asked(self._clock(), max_wait)
        point = self._acceptable(shelf, shelf.revision, max_wait)
        if point is None:
            yield None
            return
        with self._lent(shelf, point, waited=0.0):
            yield point

    @asynccontextmanager
    async def point(
        self, experiment_id: str, revision: int, max_wait: float | None
    ) -> AsyncIterator[Point | None]:
        """Lend a point to the caller, who sets its `fate`.

        `revision` is what the caller would like it to know, and `max_wait` how many seconds that is
        worth; None means what Pace.patience says. None is lent when no new point could be handed
        out any more: the caller looks again and finds out why. Raises ShuttingDown,
        and Overloaded when too many calls wait.
        """
        if self._closed:
            raise ShuttingDown
        shelf = self._shelves.setdefault(experiment_id, Shelf(experiment_id))
        shelf.revision = max(shelf.revision, revision)
        began = self._clock()
        shelf.asked(began, max_wait)
        point = self._acceptable(shelf, revision, max_wait)
        if point is None:
            point = await self._wait(shelf, revision, max_wait)
        if point is None:
            yield None
            return
        with self._lent(shelf, point, waited=self._clock() - began):
            yield point

    @contextmanager
    def _lent(self, shelf: Shelf, point: Point, *, waited: float) -> Iterator[None]:
        try:
            yield
        finally:
            # Those of the start do not count: a whole team asks at once, as it never does again.
            if shelf.models and point.fate is Fate.HANDED_OUT:
                shelf.pace.handed_out(self._clock(), waited)
            shelf.take_back(point)
            self._produce(shelf)

    def _acceptable(self, shelf: Shelf, revision: int, max_wait: float | None) -> Point | None:
        """Take a fresh point, or a stale one where a fresh one would not come in time."""
        point = shelf.take(revision)
        patience = shelf.pace.patience(max_wait)
        if point is None and shelf.fresh_in(revision, self._clock()) > patience:
            point = shelf.take(0)
        return point

    async def _wait(self, shelf: Shelf, revision: int, max_wait: float | None) -> Point | None:
        if self._waiting >= self._settings.waiting_limit:
            raise Overloaded(self._settings.waiting_limit)
        waiter = Waiter(revision, asyncio.get_running_loop().create_future())
        self._waiting += 1
        shelf.waiters.append(waiter)
        self._produce(shelf)
        try:
            return await self._served(shelf, waiter, max_wait)
        except asyncio.CancelledError:
            shelf.leave(waiter)
            self._produce(shelf)
            raise
        finally:
            self._waiting -= 1
            if waiter in shelf.waiters:
                shelf.waiters.remove(waiter)

    async def _served(self, shelf: Shelf, waiter: Waiter, max_wait: float | None) -> Point | None:
        """Wait for a point, and settle for less as time goes by."""
        time = asyncio.get_running_loop().time
        began = time()
        patience = shelf.pace.patience(max_wait)
        late = max(self._settings.turn_seconds, max_wait or 0.0)
        latest = late + self._settings.loading_seconds
        while not (waiter.future.done() or (waiter.takes_stale and waiter.is_late)):
            # The one of the two that is still to come, or the earlier of both.
            due = (
                late if waiter.takes_stale else patience if waiter.is_late else min(late, patience)
            )
            await asyncio.wait([waiter.future], timeout=max(0.0, began + due - time()))
            waited = time() - began
            waiter.takes_stale |= waited >= patience
            if late <= waited < latest and self._optimizer.is_loading(shelf.models):
                late = waited + _LOOK_SECONDS
            waiter.is_late |= waited >= late
            self._relieve(shelf)
        return await waiter.future

    def _relieve(self, shelf: Shelf) -> None:
        if shelf.relieve() and shelf.stand_in is None and not self._closed:
            shelf.stand_in = asyncio.create_task(self._stand_in(shelf))
            shelf.stand_in.add_done_callback(lambda task: self._ended(shelf, task))

    def learned(self, experiment_id: str, revision: int) -> None:
        """Have points remade that do not know the newest observations."""
        shelf = self._shelves.get(experiment_id)
        if shelf is not None:
            shelf.revision = max(shelf.revision, revision)
            self._produce(shelf)

    def forget_idle(self) -> None:
        """Drop the points of experiments that nobody asked about for long."""
        for experiment_id, shelf in list(self._shelves.items()):
            busy = shelf.producer or shelf.stand_in or shelf.waiters or shelf.handed_over
            if not busy and self._is_idle(shelf):
                del self._shelves[experiment_id]

    async def close(self) -> None:
        """Stop making points, and turn those away who wait for one."""
        self._closed = True
        for shelf in self._shelves.values():
            shelf.send_away(ShuttingDown())
        tasks = [
            task
            for shelf in self._shelves.values()
            for task in (shelf.producer, shelf.stand_in)
            if task is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_idle(self, shelf: Shelf) -> bool:
        return self._clock() - shelf.asked_at > self._settings.idle_seconds

    def _produce(self, shelf: Shelf) -> None:
        if shelf.producer is None and self._is_wanted(shelf) and not self._closed:
            shelf.producer = asyncio.create_task(self._fill(shelf))
            shelf.producer.add_done_callback(lambda task: self._ended(shelf, task))

    def _ended(self, shelf: Shelf, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not shelf.send_away(error):
            context = {"message": "a point could not be made ahead", "exception": error}
            task.get_loop().call_exception_handler(context)

    def _is_wanted(self, shelf: Shelf) -> bool:
        """Whether somebody waits for a point, or one is to be made ahead."""
        return bool(shelf.waiters or (shelf.lacks and not self._is_idle(shelf)))

    async def _fill(self, shelf: Shelf) -> None:
        try:
            if not shelf.waiters:
                await asyncio.sleep(_BREATH_SECONDS)
            going_on = True
            while going_on and self._is_wanted(shelf):
                if shelf.models:
                    async with self._turn(shelf):
                        going_on = self._is_wanted(shelf) and await self._make(shelf)
                else:
                    going_on = await self._make(shelf)
        finally:
            # Here and not in a callback, so that nobody who comes later counts on this one.
            shelf.producer = None

    @asynccontextmanager
    async def _turn(self, shelf: Shelf) -> AsyncIterator[None]:
        began = self._clock()
        shelf.waits_for_turn = True
        turns = self._turns[shelf.models]
        try:
            if turns.none_free:
                self._relieve(shelf)
            async with turns.turn(lambda: bool(shelf.waiters)):
                shelf.waits_for_turn = False
                shelf.pace.waited_for_turn = self._clock() - began
                yield
        finally:
            shelf.waits_for_turn = False

    async def _make(self, shelf: Shelf) -> bool:
        """Make points once; return whether to go on as long as some are wanted."""
        problem = await self._problem(shelf, len(shelf.waiters))
        if problem is None:
            # Otherwise what was handed over came back while the database was looked at.
            return bool(shelf.waiters) and not shelf.handed_over
        if problem.phase is not Phase.MODEL:
            shelf.models = ""
        elif not shelf.models:
            shelf.models = self._optimizer.models_for(problem.experiment)
            return True
        revision = problem.experiment.revision
        began = self._clock()
        shelf.round = Round(revision, began + shelf.pace.round_seconds)
        try:
            proposals = await self._optimizer.propose(problem)
        finally:
            shelf.round = None
        if shelf.models:
            shelf.pace.took(self._clock() - began, len(proposals))
        known = _KNOWS_ENOUGH if problem.phase is Phase.RANDOM else revision
        made = with_tasks(problem, proposals)
        shelf.put([Point(each, problem.experiment.space, known) for each in made])
        return True

    async def _stand_in(self, shelf: Shelf) -> None:
        """Make points without a model for those who wait too long for a turn."""
        try:
            while late := shelf.relieve():
                problem = await self._problem(shelf, late)
                if problem is None:
                    return
                loading = self._optimizer.is_loading(shelf.models)
                instead = replace(
                    problem,
                    phase=Phase.SPACE_FILLING,
                    count=min(problem.count, late),
                    fallback_reason=LOADING if loading else _NO_TURN,
                )
                proposals = await self._optimizer.propose(instead)
                space = problem.experiment.space
                made = with_tasks(problem, proposals)
                shelf.put([Point(each, space, 0, stands_in=True) for each in made])
        finally:
            shelf.stand_in = None

    async def _problem(self, shelf: Shelf, wanted: int) -> Problem | None:
        """Return what to ask the optimizer; None when nothing is to be made for now."""
        # Looked at before the database is, so that a point that is stored in between is known twice
        # rather than not at all.
        demand = shelf.demand(wanted, self._batch(shelf))

        def read(tx: Transaction) -> tuple[Problem | None, list[float]]:
            recent = tx.observations.recent_seconds(shelf.experiment_id, _RECENT_EVALUATIONS)
            return read_problem(tx, shelf.experiment_id, demand), recent

        problem, recent = await self._database.read(read)
        shelf.pace.evaluation_seconds = median(recent) if recent else 0.0
        if problem is None:
            shelf.send_away()
            return None
        shelf.revision = max(shelf.revision, problem.experiment.revision)
        # When all the room is handed over, whoever does not use it starts this anew.
        return problem if problem.count > 0 else None

    def _batch(self, shelf: Shelf) -> int:
        """Return how many points one round of the model makes at most."""
        settings = self._settings
        if not shelf.pace.point_seconds:
            return settings.batch
        cheap = int(settings.large_batch_seconds / shelf.pace.point_seconds)
        return max(settings.batch, min(settings.large_batch, cheap))
