"""Says what was learned, and what is advised."""

from nextpoint_service.application.context import Context
from nextpoint_service.application.phases import seed_of
from nextpoint_service.application.ports import Importances, Studied, Transaction
from nextpoint_service.domain.best_practices import Advice, against_advice
from nextpoint_service.domain.errors import FieldViolation, TooFewObservations
from nextpoint_service.domain.stopping import StoppingReason, stopping_reasons

OBSERVATIONS_FOR_EACH_PARAMETER = 5
"""Fewer than these say nothing about what moves a metric."""


class AnalysisUseCases:
    """What callers ask about what was learned."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def stopping_reasons(self, experiment_id: str) -> tuple[StoppingReason, ...]:
        """Return why it is time to stop; nothing when it is not."""

        def look(tx: Transaction) -> tuple[StoppingReason, ...]:
            experiment = tx.experiments.get(experiment_id)
            progress = tx.experiments.progress(experiment)
            return stopping_reasons(experiment, progress, tx.observations.all(experiment_id))

        return await self._context.database.read(look)

    async def against_advice(self, experiment_id: str) -> tuple[FieldViolation, ...]:
        """Return which advice the experiment goes against."""

        def look(tx: Transaction) -> tuple[FieldViolation, ...]:
            experiment = tx.experiments.get(experiment_id)
            return against_advice(experiment, tx.experiments.progress(experiment), Advice())

        return await self._context.database.read(look)

    async def importances(self, experiment_id: str) -> Importances:
        """Return which parameters move which metrics, or raise TooFewObservations."""
        studied = await self._context.database.read(lambda tx: _studied(tx, experiment_id))
        names = [each.name for each in studied.experiment.space.parameters]
        if len(names) == 1:
            return {metric.name: {names[0]: 1.0} for metric in studied.experiment.metrics}
        needed = OBSERVATIONS_FOR_EACH_PARAMETER * len(names)
        found = len(studied.observations)
        if found < needed:
            raise TooFewObservations(experiment_id, needed, found)
        return await self._context.optimizer.importances(studied)


def _studied(tx: Transaction, experiment_id: str) -> Studied:
    experiment = tx.experiments.get(experiment_id)
    succeeded = tuple(each for each in tx.observations.all(experiment_id) if not each.failed)
    return Studied(experiment, succeeded, seed_of(experiment))
