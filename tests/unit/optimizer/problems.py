"""Builders of optimization problems, so that a test says only what it is about."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.builders import NOW, an_experiment

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import Engine, Metric
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.optimizer import space_filling

SQUARE = SearchSpace((DoubleParameter("a", 0.0, 1.0), DoubleParameter("b", 0.0, 1.0)))
EVERY_KIND = (
    DoubleParameter("double", -5.0, 5.0),
    DoubleParameter("rate", 1e-5, 1.0, log=True),
    DoubleParameter("step", 0.5, 8.0, grid=(0.5, 1.0, 8.0)),
    IntParameter("few", -2, 9),
    IntParameter("many", -(2**53), 2**53),
    IntParameter("doubling", 1, 1024, log=True),
    CategoricalParameter("kind", ("x", "y", "z")),
    CategoricalParameter("size", ("s", "m", "l"), ordered=True),
    BoolParameter("flag"),
)
WITH_PRIORS = (
    DoubleParameter("normal", -5.0, 5.0, prior=NormalPrior(1.0, 0.5)),
    DoubleParameter("beta", 1.0, 3.0, prior=BetaPrior(0.5, 2.0)),
)


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


EVERYTHING = SearchSpace(EVERY_KIND, (at_most(4.0, double=1.0, few=1.0),))
BELIEVED = replace(EVERYTHING, parameters=(*EVERY_KIND, *WITH_PRIORS))
FLAT = SearchSpace(
    tuple(DoubleParameter(name, 0.0, 1.0) for name in "abc"), (equals(1.0, a=1.0, b=1.0, c=1.0),)
)
WHOLE = SearchSpace(
    (IntParameter("a", 0, 30), IntParameter("b", 0, 60)), (equals(60.0, a=2.0, b=1.0),)
)
NAMES = SearchSpace(tuple(CategoricalParameter(name, ("x", "y", "z")) for name in "abc"))


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
    experiment = an_experiment(space=space, metrics=tuple(metrics), budget=None, engine=engine)
    everything = (*observations, *(observed(point, y=0.0) for point in known))
    return Problem(experiment, everything, tuple(pending), phase, count, index, seed)


def points(space: SearchSpace, count: int, seed: int = 7) -> list[Assignments]:
    """Return the first points of a space, spread evenly."""
    problem = a_problem(space, count=count, seed=seed)
    return [each.assignments for each in space_filling.propose(problem)]


def modelled(
    space: SearchSpace = SQUARE, observations: Sequence[Observation] = (), **fields: Any
) -> Problem:
    """Return a problem of which a model makes the next points."""
    fields = {"index": len(observations), **fields}
    return a_problem(space, observations=observations, phase=Phase.MODEL, **fields)


def peak(point: Assignments) -> float:
    """Return the value at a point of `SQUARE`: most at (0.3, 0.7)."""
    return -((point["a"] - 0.3) ** 2) - (point["b"] - 0.7) ** 2


def distance(point: Assignments, a: float, b: float) -> float:
    return math.hypot(point["a"] - a, point["b"] - b)


SOME = points(SQUARE, 8)


def seen(
    value: Callable[[int, Assignments], float | tuple[float, float]],
    places: Sequence[Assignments] = SOME,
) -> list[Observation]:
    """Return observations of what a function of the index and the point returns."""
    return [observed(point, y=value(index, point)) for index, point in enumerate(places)]


ODD_DATA = {
    "one observation": seen(lambda _, __: 1.0, SOME[:1]),
    "two equal": seen(lambda _, __: 1.0, SOME[:2]),
    "constant": seen(lambda _, __: 3.0),
    "one point": seen(lambda index, _: index, SOME[:1] * 8),
    "no noise": seen(lambda _, point: (peak(point), 0.0)),
    "some noise known": seen(lambda index, point: (peak(point), 0.1) if index % 2 else peak(point)),
    "huge": seen(lambda _, point: 1e300 * peak(point)),
    "largest": seen(lambda index, _: 1.7e308 * (-1) ** index),
    "tiny": seen(lambda _, point: 1e-300 * peak(point)),
    "outlier": seen(lambda index, point: 1e300 if index == 3 else peak(point)),
    "one success": [*seen(lambda _, __: 1.0, SOME[:1]), *map(observed, SOME[1:])],
    "failed and not": [*seen(lambda _, __: 1.0, SOME[:4]), *map(observed, SOME[:4])],
}
"""Observations on `SQUARE` from which every model has to make a point."""
