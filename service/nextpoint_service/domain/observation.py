"""The outcome of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import Experiment, Metadata
from nextpoint_service.domain.solutions import solutions
from nextpoint_service.domain.suggestion import Prediction
from nextpoint_service.domain.tasks import Task


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of one metric; `stddev` is None when unknown, 0 when free of noise."""

    value: float
    stddev: float | None = None


Values = Mapping[str, Measurement]


@dataclass(frozen=True, slots=True)
class Observation:
    """What was measured at some assignments: a value for every metric, or a failure.

    `suggestion_id` is None for assignments of the user's own, which may lie `outside` the
    search space. `seconds` is how long the evaluation took, from the hand-out to the report; None
    when nobody held the suggestion. `task` is how it was evaluated; None without tasks.
    """

    observation_id: str
    experiment_id: str
    suggestion_id: str | None
    run_id: str | None
    assignments: Assignments
    values: Values
    failed: bool
    outside: bool
    metadata: Metadata
    seconds: float | None
    created: datetime
    updated: datetime
    task: Task | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is a full evaluation, as every one is without tasks."""
        return self.task is None or self.task.is_full


def as_predicted(observation: Observation, predictions: Mapping[str, Prediction]) -> Observation:
    """Return the observation as if the means that a model predicts had been measured there."""
    predicted = {name: Measurement(each.mean, each.stddev) for name, each in predictions.items()}
    return replace(observation, values={**observation.values, **predicted})


def is_eligible(experiment: Experiment, observation: Observation) -> bool:
    """Whether an observation can be the best: it is full, succeeded and reaches every threshold."""
    return (
        observation.is_full
        and not observation.failed
        and all(
            metric.reaches_threshold(observation.values[metric.name].value)
            for metric in experiment.metrics
        )
    )


def best(experiment: Experiment, observations: list[Observation]) -> list[Observation]:
    """Return the best observation, or the Pareto frontier, the best in the first metric first.

    Of equals the earliest comes first; with one optimized metric it is the only one returned, and
    with several solutions the best of each region. With no optimized metric it is everything that
    satisfies the constraints, the best in the first of these first.
    """
    optimized = experiment.optimized
    ranking = optimized or experiment.constrained
    scored = [
        (tuple(-metric.sign * each.values[metric.name].value for metric in ranking), each)
        for each in observations
        if is_eligible(experiment, each)
    ]
    scored.sort(key=lambda pair: (pair[0], pair[1].created, pair[1].observation_id))
    if not optimized:
        return [each for _, each in scored]
    if experiment.num_solutions > 1:
        ranked = [each.assignments for _, each in scored]
        chosen = solutions(experiment.space, experiment.num_solutions, ranked)
        return [scored[index][1] for index in chosen]
    if len(optimized) == 1:
        return [each for _, each in scored[:1]]
    frontier: list[tuple[tuple[float, ...], Observation]] = []
    for costs, each in scored:
        # In this order, whoever dominates a point comes before it. Of two metrics the second falls
        # along the frontier, so that nobody dominates a point whom the last one does not.
        rivals = frontier[-1:] if len(optimized) == 2 else frontier
        if not any(_dominates(other, costs) for other, _ in rivals):
            frontier.append((costs, each))
    return [each for _, each in frontier]


def gains(experiment: Experiment, frontier: list[Observation]) -> list[tuple[float, ...]]:
    """Return by how much each observation is better than the thresholds, metric by metric.

    Every optimized metric needs a threshold, which every observation has to reach.
    """
    bounds = [(each, each.threshold) for each in experiment.optimized if each.threshold is not None]
    return [
        tuple(
            metric.sign * (each.values[metric.name].value - threshold)
            for metric, threshold in bounds
        )
        for each in frontier
    ]


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
