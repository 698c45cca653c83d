"""Builders of optimization problems, so that a test says only what it is about."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import (
    Engine,
    Experiment,
    ExperimentState,
    ExperimentType,
    Metric,
)
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SQUARE = SearchSpace((DoubleParameter("a", 0.0, 1.0), DoubleParameter("b", 0.0, 1.0)))


def at_most(threshold: float, **weights: float) -> LinearConstraint:
    return _linear(Comparison.LESS_THAN, threshold, weights)


def at_least(threshold: float, **weights: float) -> LinearConstraint:
    return _linear(Comparison.GREATER_THAN, threshold, weights)


def equals(threshold: float, **weights: float) -> LinearConstraint:
    return _linear(Comparison.EQUAL, threshold, weights)


def _linear(
    comparison: Comparison, threshold: float, weights: Mapping[str, float]
) -> LinearConstraint:
    return LinearConstraint(comparison, tuple(Term(*each) for each in weights.items()), threshold)


def observed(point: Assignments, **values: float | tuple[float, float]) -> Observation:
    """Return an observation; a pair is a value and its stddev, no value a failure."""
    return Observation(
        observation_id="obs_1",
        experiment_id="exp_1",
        suggestion_id=None,
        run_id=None,
        assignments=point,
        values={
            name: Measurement(*each) if isinstance(each, tuple) else Measurement(each)
            for name, each in values.items()
        },
        failed=not values,
        outside=False,
        metadata={},
        seconds=None,
        created=NOW,
        updated=NOW,
    )


def a_problem(
    space: SearchSpace = SQUARE,
    *,
    observations: Sequence[Observation] = (),
    known: Sequence[Assignments] = (),
    pending: Sequence[Assignments] = (),
    metrics: Sequence[Metric] = (Metric("y"),),
    engine: Engine = Engine.AUTO,
    phase: Phase = Phase.SPACE_FILLING,
    count: int = 1,
    index: int = 0,
    seed: int = 7,
) -> Problem:
    """Return a problem; `known` are further points, observed with a value that does not matter."""
    experiment = Experiment(
        experiment_id="exp_1",
        name="test",
        project="",
        type=ExperimentType.OPTIMIZED,
        space=space,
        metrics=tuple(metrics),
        budget=None,
        parallel_bandwidth=None,
        metadata={},
        tags=(),
        state=ExperimentState.ACTIVE,
        revision=1,
        created=NOW,
        updated=NOW,
        engine=engine,
    )
    everything = (*observations, *(observed(point, y=0.0) for point in known))
    return Problem(experiment, everything, tuple(pending), phase, count, index, seed)
