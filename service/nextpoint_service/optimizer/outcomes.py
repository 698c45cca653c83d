"""What a model learns from observations: outcomes m0, m1, …, of all of which more is better."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nextpoint_service.domain.experiment import Experiment, Metric, Strategy
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.optimizer.dominance import staircase

_LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that is modelled; more of it is better.

    `metric` is None for the outcome that is 1 when an evaluation succeeded and 0 when it failed.
    `floor` is the least that is good enough.
    """

    name: str
    metric: Metric | None
    floor: float | None

    @property
    def sign(self) -> float:
        """The factor between the outcome and the metric."""
        return 1.0 if self.metric is None else self.metric.sign

    @property
    def optimized(self) -> bool:
        """Whether to look for the largest value."""
        return self.metric is not None and self.metric.strategy is Strategy.OPTIMIZE


@dataclass(frozen=True, slots=True)
class Datum:
    """The value of an outcome at an observation; `stddev` is NaN when unknown."""

    observation: int
    outcome: str
    value: float
    stddev: float


def outcomes_of(experiment: Experiment, observations: Sequence[Observation]) -> list[Outcome]:
    """Return what to model: what is optimized, constrained, and whether evaluations succeed.

    Stored metrics are left out. Success is modelled once there are failures: Gelbart, Snoek and
    Adams (2014), "Bayesian optimization with unknown constraints", with a regression of 0 and 1.
    """
    modelled = [each for each in experiment.metrics if each.strategy is not Strategy.STORE]
    outcomes = [
        Outcome(
            f"m{index}",
            metric,
            None if metric.threshold is None else metric.sign * metric.threshold,
        )
        for index, metric in enumerate(modelled)
    ]
    if any(each.failed for each in observations):
        outcomes.append(Outcome(f"m{len(modelled)}", None, _LIKELY))
    return outcomes


def chosen(
    outcomes: Sequence[Outcome], observations: Sequence[Observation], most: int
) -> Sequence[Observation]:
    """Return as many observations as a model has time for: the best, and some from all times."""
    if len(observations) <= most:
        return observations
    kept: set[int] = set()
    optimized = [each.metric for each in outcomes if each.optimized and each.metric]
    succeeded = [index for index, each in enumerate(observations) if not each.failed]
    for metric in optimized:
        best_first = sorted(succeeded, key=lambda at: _cost(metric, observations[at]))
        kept.update(best_first[: most // 4 // len(optimized)])
    if len(optimized) == 2 and succeeded:
        costs = [[_cost(each, observations[at]) for each in optimized] for at in succeeded]
        frontier = [succeeded[row] for row in staircase(-np.array(costs))]
        count = min(len(frontier), most // 4)
        kept.update(frontier[len(frontier) * each // count] for each in range(count))
    others = [index for index in range(len(observations)) if index not in kept]
    missing = most - len(kept)
    kept.update(others[len(others) * each // missing] for each in range(missing))
    return [observations[index] for index in sorted(kept)]


def _cost(metric: Metric, observation: Observation) -> float:
    return -metric.sign * observation.values[metric.name].value


def data_of(outcomes: Sequence[Outcome], observations: Sequence[Observation]) -> list[Datum]:
    """Return the values of the outcomes, by the index of the observation."""
    data = []
    for outcome in outcomes:
        if outcome.metric is None:
            data += [
                Datum(index, outcome.name, 0.0 if each.failed else 1.0, math.nan)
                for index, each in enumerate(observations)
            ]
        else:
            data += _measured(outcome, outcome.metric.name, observations)
    return data


def _measured(outcome: Outcome, metric: str, observations: Sequence[Observation]) -> list[Datum]:
    measured = [
        (index, each.values[metric])
        for index, each in enumerate(observations)
        if not each.failed and metric in each.values
    ]
    usual = _usual_stddev([each for _, each in measured])
    return [
        Datum(
            index,
            outcome.name,
            outcome.sign * each.value,
            usual if each.stddev is None else each.stddev,
        )
        for index, each in measured
        if math.isfinite(each.value)
    ]


def _usual_stddev(measurements: Sequence[Measurement]) -> float:
    """Return what stands in for an unknown standard deviation: NaN when no noise is known.

    A model takes all of a metric's, or none; one that is missing is taken for a usual one. That
    some are exact says nothing of those.
    """
    known = [each.stddev for each in measurements if each.stddev]
    largest = max(known, default=math.nan)
    if math.isnan(largest):
        return largest
    # In parts of the largest: the square of a number near the largest there are is none.
    return largest * math.sqrt(statistics.median((each / largest) ** 2 for each in known))
