"""Defines experiments and keeps track of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nextpoint_service.application.context import Context
from nextpoint_service.application.idempotency import Call, change_once
from nextpoint_service.application.ports import (
    Changed,
    ExperimentFilter,
    Learned,
    Page,
    Transaction,
)
from nextpoint_service.application.withdrawals import withdraw_outside
from nextpoint_service.domain.definition import ExperimentChange, ExperimentDraft, change, define
from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.experiment import Experiment, Progress


@dataclass(frozen=True, slots=True)
class Detail:
    """An experiment and how far it has come."""

    experiment: Experiment
    progress: Progress


class ExperimentUseCases:
    """What callers do with experiments."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, draft: ExperimentDraft, call: Call) -> Detail:
        """Define an experiment, or raise InvalidRequest."""
        context = self._context
        now = context.now()
        experiment = define(draft, context.limits, context.ids.experiment(), now)
        if experiment.space.constraints:
            problem = await context.optimizer.why_infeasible(experiment.space)
            if problem is not None:
                raise InvalidRequest([FieldViolation("linear_constraints", problem)])

        def create(tx: Transaction) -> tuple[str, ...]:
            tx.experiments.add(experiment)
            return (experiment.experiment_id,)

        return await self._once(call, now, create)

    async def get(self, experiment_id: str) -> Detail:
        """Return an experiment."""
        return await self._context.database.read(lambda tx: detail(tx, experiment_id))

    async def list(self, which: ExperimentFilter, page: Page) -> list[tuple[int, Detail]]:
        """Return one page of experiments."""

        def find(tx: Transaction) -> list[tuple[int, Detail]]:
            return [
                (position, Detail(each, tx.experiments.progress(each)))
                for position, each in tx.experiments.list(which, page)
            ]

        return await self._context.database.read(find)

    async def update(self, experiment_id: str, new: ExperimentChange, call: Call) -> Detail:
        """Change an experiment."""
        now = self._context.now()

        def update(tx: Transaction) -> tuple[str, ...]:
            experiment = tx.experiments.get(experiment_id)
            experiment.require_active()
            changed = change(experiment, new, self._context.limits, now)
            tx.experiments.save(changed)
            if changed.space != experiment.space:
                withdraw_outside(tx, changed)
            if changed.revision > experiment.revision:
                tx.publish(Learned(experiment_id, changed.revision))
            tx.publish(Changed(experiment_id))
            return (experiment_id,)

        return await self._once(call, now, update)

    async def archive(self, experiment_id: str, call: Call) -> Detail:
        """Archive an experiment."""
        return await self._move(experiment_id, call, Experiment.archive)

    async def unarchive(self, experiment_id: str, call: Call) -> Detail:
        """Make an archived experiment active again."""
        return await self._move(experiment_id, call, Experiment.unarchive)

    async def _move(
        self, experiment_id: str, call: Call, move: Callable[[Experiment, datetime], Experiment]
    ) -> Detail:
        now = self._context.now()

        def moved(tx: Transaction) -> tuple[str, ...]:
            tx.experiments.save(move(tx.experiments.get(experiment_id), now))
            tx.publish(Changed(experiment_id))
            return (experiment_id,)

        return await self._once(call, now, moved)

    async def _once(
        self, call: Call, now: datetime, work: Callable[[Transaction], tuple[str, ...]]
    ) -> Detail:
        return await change_once(
            self._context.database, call, now, work, lambda tx, made: detail(tx, made[0])
        )


def detail(tx: Transaction, experiment_id: str) -> Detail:
    """Return an experiment and how far it has come."""
    experiment = tx.experiments.get(experiment_id)
    return Detail(experiment, tx.experiments.progress(experiment))
