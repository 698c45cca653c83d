"""Functions of the literature, and how an experiment through the service evaluates one."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import nextpoint

LEAST_OF_BRANIN = 0.397887


def branin(x: float, y: float) -> float:
    """Return the function of https://www.sfu.ca/~ssurjano/branin.html: x in [-5, 10], y in [0, 15].

    It has three minima of equal value, `LEAST_OF_BRANIN`.
    """
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def gramacy(x: float, y: float) -> dict[str, float]:
    """Return the problem of Gramacy et al. (2016), "Modeling an augmented Lagrangian for blackbox
    constrained optimization": the sum, and two constraints that have to be at least 0."""
    return {
        "sum": x + y,
        "wave": 0.5 * math.sin(2 * math.pi * (x**2 - 2 * y)) + x + 2 * y - 1.5,
        "circle": 1.5 - x**2 - y**2,
    }


def evaluate(
    experiment: nextpoint.Experiment, function: Callable[[Mapping[str, Any]], dict[str, float]]
) -> None:
    """Observe what a function of the assignments returns, until the budget is consumed."""
    while not experiment.is_finished():
        suggestion = experiment.create_suggestion()
        values = function(suggestion.assignments)
        experiment.create_observation(suggestion=suggestion, values=values)
