"""What callers do with suggestions: ask, queue, look, renew, give back."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from nextpoint_service.application.context import Context
from nextpoint_service.application.hand_outs import (
    Ask,
    HandOuts,
    HoldsEnough,
    check_ask,
    check_lease,
    lease_duration,
)
from nextpoint_service.application.idempotency import NOT_REPEATED, Call, change_once
from nextpoint_service.application.ports import Changed, Page, Transaction
from nextpoint_service.application.withdrawals import put_back
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.errors import (
    LeaseLost,
    NotQueued,
    QueueFull,
    SuggestionNotFound,
)
from nextpoint_service.domain.experiment import ExperimentState, ExperimentType
from nextpoint_service.domain.report import check_assignments, given
from nextpoint_service.domain.suggestion import (
    Ending,
    Generator,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.domain.task_rules import check_task
from nextpoint_service.domain.tasks import task_named
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class HandOut:
    """One handing of a suggestion to a worker."""

    suggestion_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """Which leases were renewed, and which are lost."""

    renewed: tuple[HandOut, ...]
    lost: tuple[HandOut, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a worker holds, and why it will get nothing more, if so."""

    held: list[Suggestion]
    ending: Ending | None


class SuggestionUseCases:
    """What callers do with suggestions."""

    def __init__(self, context: Context, hand_outs: HandOuts) -> None:
        self._context = context
        self._hand_outs = hand_outs

    async def create(self, ask: Ask, call: Call) -> Suggestion:
        """Hand out one suggestion."""
        return await self._hand_outs.take(
            ask, call, _identified, lambda tx, made: tx.suggestions.get(made[0])
        )

    async def take(self, ask: Ask) -> None:
        """Lease one more suggestion to a worker, unless it holds enough: see its outlook."""
        with suppress(HoldsEnough):
            await self._hand_outs.take(ask, NOT_REPEATED, _identified, lambda _tx, _made: None)

    async def check_stream(self, ask: Ask) -> None:
        """Raise what is wrong with the wishes of a worker, before anything is made for it."""
        violations = Violations()
        if not ask.worker_id:
            violations.add("worker_id", "is required")
        check_ask(ask, violations, self._context)
        violations.check()
        await self.outlook(ask.experiment_id, ask.worker_id)

    async def outlook(self, experiment_id: str, worker_id: str) -> Outlook:
        """Return what a worker holds, and whether it will get more."""

        def look(tx: Transaction) -> Outlook:
            experiment = tx.experiments.get(experiment_id)
            ending = None
            if experiment.state is ExperimentState.ARCHIVED:
                ending = Ending.EXPERIMENT_ARCHIVED
            elif tx.experiments.progress(experiment).finished:
                grid = experiment.type is ExperimentType.GRID
                ending = Ending.GRID_EXHAUSTED if grid else Ending.BUDGET_REACHED
            return Outlook(tx.suggestions.held_by(experiment_id, worker_id), ending)

        return await self._context.database.read(look)

    async def queue(
        self,
        experiment_id: str,
        assignments: Mapping[str, Value | None],
        call: Call,
        task: str = "",
    ) -> Suggestion:
        """Put assignments of the user's own into the queue, to be evaluated with this task."""
        context = self._context
        now = context.now()

        def queue(tx: Transaction) -> tuple[str, ...]:
            experiment = tx.experiments.get(experiment_id)
            experiment.require_active()
            violations = Violations()
            check_assignments(experiment.space, assignments, violations, inside=True)
            check_task(experiment, task, violations)
            violations.check()
            is_grid = experiment.type is ExperimentType.GRID
            if is_grid and tx.suggestions.is_taken(experiment_id, given(assignments)):
                # Every cell once, so that the grid ends when its budget does.
                violations.add("assignments", "are a cell that was suggested or observed already")
            violations.check()
            queued = tx.experiments.progress(experiment).queued_suggestions
            if queued >= context.limits.queued_suggestions:
                raise QueueFull(experiment_id, context.limits.queued_suggestions)
            suggestion = Suggestion(
                suggestion_id=context.ids.suggestion(),
                experiment_id=experiment_id,
                assignments=given(assignments),
                provenance=Provenance(Generator.USER, "queued"),
                state=SuggestionState.QUEUED,
                attempt=0,
                lease=None,
                created=now,
                task=task_named(task, experiment.tasks),
            )
            tx.suggestions.add(suggestion)
            return (suggestion.suggestion_id,)

        return await change_once(
            context.database, call, now, queue, lambda tx, made: tx.suggestions.get(made[0])
        )

    async def delete(self, suggestion_id: str, call: Call) -> None:
        """Take a suggestion out of the queue."""

        def delete(tx: Transaction) -> tuple[str, ...]:
            suggestion = tx.suggestions.get(suggestion_id)
            tx.experiments.get(suggestion.experiment_id).require_active()
            if suggestion.state is not SuggestionState.QUEUED:
                raise NotQueued(suggestion_id, suggestion.state.value)
            tx.suggestions.delete(suggestion_id)
            # Of a grid, its cell may be what others wait for.
            tx.publish(Changed(suggestion.experiment_id))
            return ()

        await change_once(
            self._context.database, call, self._context.now(), delete, lambda _tx, _made: None
        )

    async def get(self, suggestion_id: str) -> Suggestion:
        """Return a suggestion."""
        return await self._context.database.read(lambda tx: tx.suggestions.get(suggestion_id))

    async def list(
        self, experiment_id: str, state: SuggestionState | None, page: Page
    ) -> list[tuple[int, Suggestion]]:
        """Return one page of the suggestions of an experiment."""

        def find(tx: Transaction) -> list[tuple[int, Suggestion]]:
            tx.experiments.get(experiment_id)
            return tx.suggestions.list(experiment_id, state, page)

        return await self._context.database.read(find)

    async def release(self, hand_out: HandOut, call: Call) -> Suggestion:
        """Give a suggestion back for the next worker."""
        now = self._context.now()

        def release(tx: Transaction) -> tuple[str, ...]:
            suggestion = tx.suggestions.get(hand_out.suggestion_id)
            give_up(tx, suggestion, suggestion.release(hand_out.attempt))
            return (suggestion.suggestion_id,)

        return await change_once(
            self._context.database,
            call,
            now,
            release,
            lambda tx, made: tx.suggestions.get(made[0]),
        )

    async def renew(self, hand_outs: Sequence[HandOut], lease_seconds: float | None) -> Renewal:
        """Renew leases, and say which are lost."""
        context = self._context
        violations = Violations()
        if not 1 <= len(hand_outs) <= context.limits.renewals:
            violations.add(
                "hand_outs", f"must be 1 to {context.limits.renewals}, got {len(hand_outs)}"
            )
        check_lease(lease_seconds, violations, context)
        violations.check()
        until = context.now() + lease_duration(lease_seconds, context)

        def run(tx: Transaction) -> Renewal:
            renewed, lost = [], []
            for each in hand_outs:
                try:
                    suggestion = tx.suggestions.get(each.suggestion_id)
                    tx.suggestions.save(suggestion.renew(each.attempt, until))
                    renewed.append(each)
                except (SuggestionNotFound, LeaseLost):
                    lost.append(each)
            return Renewal(tuple(renewed), tuple(lost))

        return await context.database.transact(run)


def _identified(_tx: Transaction, suggestion: Suggestion) -> tuple[str, ...]:
    return (suggestion.suggestion_id,)


def give_up(tx: Transaction, held: Suggestion, waiting: Suggestion) -> None:
    """Store that a worker no longer holds a suggestion, and let the next one have it."""
    put_back(tx, waiting)
    run = tx.runs.active_for(held.suggestion_id)
    if run is not None:
        tx.runs.save(run.lapse())
    tx.publish(Changed(held.experiment_id))
