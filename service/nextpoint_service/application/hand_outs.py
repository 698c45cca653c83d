"""Hands suggestions to workers, under leases, within the budget."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TypeVar, assert_never

from nextpoint_service.application.context import Context
from nextpoint_service.application.idempotency import Call, earlier_result, remember
from nextpoint_service.application.planner import Planner
from nextpoint_service.application.ports import Page, Transaction
from nextpoint_service.application.shelf import Fate, Point
from nextpoint_service.domain.errors import BudgetSpent, GridExhausted
from nextpoint_service.domain.experiment import Experiment, ExperimentType, Progress
from nextpoint_service.domain.search_space import cell, cell_count
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Proposal,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.domain.tasks import fitting
from nextpoint_service.domain.violations import Violations

_TRIES = 3
_HOLDERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants a suggestion of which experiment; None and empty mean the default.

    Asking for a worker that holds `most_held` raises HoldsEnough; 0 means that it may hold any
    number.
    """

    experiment_id: str
    worker_id: str = ""
    lease_seconds: float | None = None
    max_wait_seconds: float | None = None
    most_held: int = 0


class HoldsEnough(Exception):
    """The worker holds as many suggestions as it said."""


@dataclass(frozen=True, slots=True)
class _PointNeeded:
    """The pool is empty: a point that knows this revision is needed."""

    revision: int


T = TypeVar("T")

Finish = Callable[[Transaction, Suggestion], tuple[str, ...]]
"""What else belongs into the transaction of a hand-out; returns the ids that the call is about."""

Answer = Callable[[Transaction, tuple[str, ...]], T]
"""Makes, in the same transaction, the answer from the ids; those of a repeated call are its own."""


class HandOuts:
    """Hands out suggestions: what waits first, then the queue, then a new point."""

    def __init__(self, context: Context, planner: Planner) -> None:
        self._context = context
        self._planner = planner

    async def take(self, ask: Ask, call: Call, finish: Finish, answer: Answer[T]) -> T:
        """Hand out one suggestion, finish and answer in the same transaction.

        Raises HoldsEnough, and BudgetSpent or GridExhausted when there is none for now.
        """
        violations = Violations()
        check_ask(ask, violations, self._context)
        violations.check()
        with self._planner.at_hand(ask.experiment_id, ask.max_wait_seconds) as point:
            taken = await self._take(ask, call, finish, answer, point)
        tries = 0
        while isinstance(taken, _PointNeeded):
            tries += 1
            async with self._planner.point(
                ask.experiment_id, taken.revision, ask.max_wait_seconds
            ) as point:
                # A twin that was handed out meanwhile is worth a few tries; in a space that is
                # used up the optimizer repeats points on purpose.
                taken = await self._take(ask, call, finish, answer, point, twins=tries >= _TRIES)
        return taken

    async def _take(
        self,
        ask: Ask,
        call: Call,
        finish: Finish,
        answer: Answer[T],
        point: Point | None,
        *,
        twins: bool = False,
    ) -> T | _PointNeeded:
        context = self._context
        now = context.now()
        lease = _lease(ask, context, now)
        suggestion_id = context.ids.suggestion()

        def take(tx: Transaction) -> tuple[T | _PointNeeded, Fate]:
            earlier = earlier_result(tx, call)
            if earlier is not None:
                return answer(tx, earlier), Fate.UNUSED
            _require_wanted(tx, ask)
            experiment = tx.experiments.get(ask.experiment_id)
            suggestion = _from_pool(tx, experiment, lease, suggestion_id)
            fate = Fate.UNUSED
            if point is not None and point.space != experiment.space:
                fate = Fate.OUTDATED
            elif point is not None and suggestion is None:
                proposal = _within_budget(tx, experiment, point.proposal)
                if twins or not _is_twin(tx, experiment, proposal):
                    suggestion = _new(experiment, proposal, lease, suggestion_id)
                    tx.suggestions.add(suggestion)
                    fate = Fate.HANDED_OUT
                else:
                    fate = Fate.DISCARDED
            if suggestion is None:
                return _PointNeeded(experiment.revision), fate
            result = finish(tx, suggestion)
            remember(tx, call, result, now)
            return answer(tx, result), fate

        fate = Fate.UNUSED
        try:
            result, fate = await context.database.transact(take)
        except asyncio.CancelledError:
            # The transaction goes on without the caller, so the point is not for anybody else.
            fate = Fate.DISCARDED
            raise
        finally:
            if point is not None:
                point.fate = fate
        return result


def _require_wanted(tx: Transaction, ask: Ask) -> None:
    # Looked at here, because what an earlier stream of the worker asked for may come meanwhile.
    if not ask.most_held:
        return
    if tx.suggestions.held_count(ask.experiment_id, ask.worker_id) >= ask.most_held:
        raise HoldsEnough


def check_ask(ask: Ask, violations: Violations, context: Context) -> None:
    """Note what is wrong with the wishes of a call for a suggestion."""
    if ask.worker_id:
        violations.check_name("worker_id", ask.worker_id, context.limits.name_characters)
    check_lease(ask.lease_seconds, violations, context)
    if ask.max_wait_seconds is not None:
        violations.check_range("max_wait", ask.max_wait_seconds, 0, context.limits.max_wait_seconds)
    if ask.most_held:
        violations.check_range("max_outstanding", ask.most_held, 1, context.limits.max_outstanding)


def check_lease(seconds: float | None, violations: Violations, context: Context) -> None:
    """Note a lease that is too short or too long."""
    if seconds is not None:
        limits = context.limits
        violations.check_range(
            "lease_duration", seconds, limits.lease_seconds_min, limits.lease_seconds_max
        )


def lease_duration(seconds: float | None, context: Context) -> timedelta:
    """Return how long a lease lasts; None means the default."""
    return context.lease if seconds is None else timedelta(seconds=seconds)


def _lease(ask: Ask, context: Context, now: datetime) -> Lease:
    worker_id = ask.worker_id or context.ids.worker()
    return Lease(worker_id, now, now + lease_duration(ask.lease_seconds, context))


def _from_pool(
    tx: Transaction, experiment: Experiment, lease: Lease, suggestion_id: str
) -> Suggestion | None:
    """Lease what waits, what is queued, or the next cell; None when a new point is needed."""
    experiment.require_active()
    progress = tx.experiments.progress(experiment)
    _require_room(tx, experiment, progress, beside_waiting=False)
    waiting = tx.suggestions.first(experiment.experiment_id, SuggestionState.WAITING)
    if waiting is not None:
        return _hand_over(tx, waiting, lease)
    _require_room(tx, experiment, progress, beside_waiting=True)
    queued = tx.suggestions.first(experiment.experiment_id, SuggestionState.QUEUED)
    if queued is not None and _fits(queued, progress):
        return _hand_over(tx, queued, lease)
    match experiment.type:
        case ExperimentType.GRID:
            return _next_cell(tx, experiment, progress, lease, suggestion_id)
        case ExperimentType.OPTIMIZED | ExperimentType.RANDOM:
            return None
        case _:
            assert_never(experiment.type)


def _require_room(
    tx: Transaction, experiment: Experiment, progress: Progress, *, beside_waiting: bool
) -> None:
    """Raise BudgetSpent when observations and what is held leave no room in the budget."""
    if experiment.type is ExperimentType.GRID or experiment.budget is None:
        return
    if not progress.has_room(beside_waiting=beside_waiting):
        experiment_id = experiment.experiment_id
        holders = _holders(tx, experiment_id)
        raise BudgetSpent(experiment_id, experiment.budget, progress.leased_suggestions, holders)


def _holders(tx: Transaction, experiment_id: str) -> list[str]:
    """Return the workers of the newest suggestions that are held, one for each."""
    newest = tx.suggestions.list(experiment_id, SuggestionState.LEASED, Page(_HOLDERS_NAMED))
    return [each.lease.worker_id for _, each in newest if each.lease is not None]


def _fits(queued: Suggestion, progress: Progress) -> bool:
    """Whether the budget has room for the task that a user chose."""
    return queued.task is None or progress.left is None or queued.task.amount <= progress.left


def _within_budget(tx: Transaction, experiment: Experiment, proposal: Proposal) -> Proposal:
    """Return the proposal, with another task where its own does not fit into the budget."""
    if proposal.task is None:
        return proposal
    task = fitting(experiment.tasks, proposal.task, tx.experiments.progress(experiment).left)
    if task == proposal.task:
        return proposal
    return proposal.with_task(task, "task that fits into the budget")


def _hand_over(tx: Transaction, suggestion: Suggestion, lease: Lease) -> Suggestion:
    leased = suggestion.lease_to(lease.worker_id, lease.started, lease.expires)
    tx.suggestions.save(leased)
    return leased


def _next_cell(
    tx: Transaction, experiment: Experiment, progress: Progress, lease: Lease, suggestion_id: str
) -> Suggestion:
    cells = cell_count(experiment.space)
    if not progress.cells_left:
        raise _exhausted(tx, experiment, progress)
    next_cell = tx.suggestions.next_cell(experiment.experiment_id)
    # A cell before it is free when an observation of the user's own was there and was deleted.
    for index in chain(range(next_cell, cells), range(next_cell)):
        point = cell(experiment.space, index)
        if not tx.suggestions.is_taken(experiment.experiment_id, point):
            proposal = Proposal(point, Provenance(Generator.GRID, f"cell {index} of {cells}"))
            suggestion = _new(experiment, proposal, lease, suggestion_id)
            tx.suggestions.add(suggestion, index)
            return suggestion
    raise _exhausted(tx, experiment, progress)


def _exhausted(tx: Transaction, experiment: Experiment, progress: Progress) -> GridExhausted:
    experiment_id = experiment.experiment_id
    held, holders = progress.leased_suggestions, _holders(tx, experiment_id)
    return GridExhausted(experiment_id, cell_count(experiment.space), held, holders)


def _new(
    experiment: Experiment, proposal: Proposal, lease: Lease, suggestion_id: str
) -> Suggestion:
    return Suggestion(
        suggestion_id=suggestion_id,
        experiment_id=experiment.experiment_id,
        assignments=proposal.assignments,
        provenance=proposal.provenance,
        state=SuggestionState.LEASED,
        attempt=1,
        lease=lease,
        created=lease.started,
        task=proposal.task,
    )


def _is_twin(tx: Transaction, experiment: Experiment, proposal: Proposal) -> bool:
    return experiment.type is ExperimentType.OPTIMIZED and tx.suggestions.is_taken(
        experiment.experiment_id, proposal.assignments, proposal.task
    )
