"""Says what was learned, and what is advised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import assert_never

from nextpoint_service.application.context import Context
from nextpoint_service.application.one_at_a_time import OneAtATime
from nextpoint_service.application.optimizer_port import Importances, Studied
from nextpoint_service.application.phases import FEWEST_FOR_A_MODEL
from nextpoint_service.application.ports import Page, Transaction
from nextpoint_service.application.problems import (
    read_observations,
    seed_of,
    seen_now,
    successes_for_a_model,
)
from nextpoint_service.domain.best_practices import Advice, against_advice
from nextpoint_service.domain.errors import (
    FieldViolation,
    FrontierTooLarge,
    HypervolumeUndefined,
    TooFewObservations,
)
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.observation import Observation, as_predicted, best, gains
from nextpoint_service.domain.stopping import StoppingReason, stopping_reasons
from nextpoint_service.domain.suggestion import Prediction

OBSERVATIONS_FOR_EACH_PARAMETER = 5
"""Fewer than these say nothing about what moves a metric."""


class Ranking(Enum):
    """What decides which observations are the best."""

    OBSERVED = "observed"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Best:
    """One of the best observations, and what a model expects there if one was asked."""

    observation: Observation
    predictions: Mapping[str, Prediction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hypervolume:
    """The volume between a frontier and the thresholds, and how many points the frontier has."""

    volume: float
    points: int


class AnalysisUseCases:
    """What callers ask about what was learned."""

    def __init__(self, context: Context, *, waiting_limit: int) -> None:
        """`waiting_limit` is how many calls wait for a computation at the same time."""
        self._context = context
        # One at a time: suggestions need the threads and processes that many would take.
        self._alone = OneAtATime(waiting_limit)

    async def close(self) -> None:
        """End what is computed, and turn those away who wait for a computation."""
        await self._alone.close()

    async def best(
        self, experiment_id: str, ranking: Ranking, page: Page
    ) -> Sequence[tuple[int, Best]]:
        """Return one page of the best observations; their position is their place in the order."""
        match ranking:
            case Ranking.OBSERVED:
                found = await self._context.database.read(lambda tx: _observed(tx, experiment_id))
            case Ranking.MODEL:
                found = await self._best_by_model(experiment_id)
            case _:
                assert_never(ranking)
        after = -1 if page.before is None else page.before
        return [*enumerate(found)][after + 1 : after + 1 + page.limit]

    async def _best_by_model(self, experiment_id: str) -> list[Best]:
        def look(tx: Transaction) -> tuple[Studied, list[Observation]]:
            return _studied(tx, experiment_id), tx.observations.all(experiment_id)

        studied, reported = await self._context.database.read(look)
        count = successes_for_a_model(studied.experiment, studied.observations)
        if count < FEWEST_FOR_A_MODEL:
            raise TooFewObservations(experiment_id, FEWEST_FOR_A_MODEL, count)
        expectations = await self._alone.compute(
            partial(self._context.optimizer.expectations, studied)
        )
        known = {
            each.observation_id: Best(each, predictions)
            for each, predictions in zip(studied.observations, expectations, strict=True)
            if predictions
        }
        predicted = [as_predicted(each.observation, each.predictions) for each in known.values()]
        found = _as_reported(best(studied.experiment, predicted), reported)
        return [replace(known[each.observation_id], observation=each) for each in found]

    async def stopping_reasons(self, experiment_id: str) -> tuple[StoppingReason, ...]:
        """Return why it is time to stop; nothing when it is not."""

        def look(tx: Transaction) -> tuple[StoppingReason, ...]:
            experiment = tx.experiments.get(experiment_id)
            progress = tx.experiments.progress(experiment)
            observations = [*read_observations(tx, experiment)]
            return stopping_reasons(experiment, progress, observations)

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
        space = studied.experiment.space
        if space.dimension == 1:
            name = space.parameters[0].name
            return {metric.name: {name: 1.0} for metric in studied.experiment.metrics}
        needed = OBSERVATIONS_FOR_EACH_PARAMETER * space.dimension
        found = len(studied.observations)
        if found < needed:
            raise TooFewObservations(experiment_id, needed, found)
        return await self._alone.compute(partial(self._context.optimizer.importances, studied))

    async def hypervolume(self, experiment_id: str) -> Hypervolume:
        """Return the hypervolume, or raise HypervolumeUndefined or FrontierTooLarge."""
        limits = self._context.limits

        def find(tx: Transaction) -> list[tuple[float, ...]]:
            experiment = tx.experiments.get(experiment_id)
            _require_thresholds(experiment, limits)
            return gains(experiment, best(experiment, tx.observations.all(experiment_id)))

        found = await self._context.database.read(find)
        seconds = limits.hypervolume_seconds
        volume = await self._alone.compute(
            partial(self._context.optimizer.hypervolume, found, seconds)
        )
        if volume is None:
            raise FrontierTooLarge(experiment_id, len(found), seconds)
        return Hypervolume(volume, len(found))


def _require_thresholds(experiment: Experiment, limits: Limits) -> None:
    optimized = len(experiment.optimized)
    thresholds = sum(each.threshold is not None for each in experiment.optimized)
    if not 2 <= optimized <= limits.hypervolume_metrics or thresholds < optimized:
        raise HypervolumeUndefined(
            experiment.experiment_id, optimized, thresholds, limits.hypervolume_metrics
        )


def _observed(tx: Transaction, experiment_id: str) -> list[Best]:
    experiment = tx.experiments.get(experiment_id)
    reported = tx.observations.all(experiment_id)
    found = best(experiment, seen_now(experiment, reported))
    return [Best(each) for each in _as_reported(found, reported)]


def _as_reported(
    found: Sequence[Observation], reported: Sequence[Observation]
) -> list[Observation]:
    """Return what was found as it was reported: with the assignments that were evaluated."""
    by_id = {each.observation_id: each for each in reported}
    return [by_id[each.observation_id] for each in found]


def _studied(tx: Transaction, experiment_id: str) -> Studied:
    experiment = tx.experiments.get(experiment_id)
    succeeded = tuple(each for each in read_observations(tx, experiment) if not each.failed)
    return Studied(experiment, succeeded, seed_of(experiment))
