"""Points that learn nothing: uniform at random, and scrambled Sobol."""

import math
from itertools import count

import numpy as np
from scipy.stats import qmc

from problems import Parameter, Point, Problem, Value, Values

_TRIES = 10_000


class Baseline:
    """Draws points until one satisfies the linear constraints."""

    def __init__(self, problem: Problem, seed: int, *, sobol: bool) -> None:
        self._problem = problem
        self._random = np.random.default_rng(seed)
        self._sobol = qmc.Sobol(len(problem.parameters), rng=seed) if sobol else None
        self._handles = count()

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        for _ in range(_TRIES):
            units = self._random.random(len(self._problem.parameters))
            if self._sobol is not None:
                units = self._sobol.random()[0]
            pairs = zip(self._problem.parameters, units, strict=True)
            point = {each.name: at(each, float(unit)) for each, unit in pairs}
            if self._problem.satisfied(point):
                break
        return next(self._handles), point

    def tell(self, handle: object, point: Point, values: Values | None) -> None:
        """Learn nothing."""


def random(problem: Problem, seed: int, workers: int) -> Baseline:  # noqa: ARG001
    """Return uniform points."""
    return Baseline(problem, seed, sobol=False)


def sobol(problem: Problem, seed: int, workers: int) -> Baseline:  # noqa: ARG001
    """Return scrambled Sobol points."""
    return Baseline(problem, seed, sobol=True)


def at(parameter: Parameter, unit: float) -> Value:
    """Return the value at a place in the unit interval."""
    match parameter.kind:
        case "double" if parameter.log:
            return float(parameter.low * (parameter.high / parameter.low) ** unit)
        case "double":
            return parameter.low + unit * (parameter.high - parameter.low)
        case "int":
            low, high = int(parameter.low), int(parameter.high)
            return min(low + math.floor(unit * (high - low + 1)), high)
        case "categorical":
            return parameter.values[
                min(int(unit * len(parameter.values)), len(parameter.values) - 1)
            ]
        case _:
            return unit >= 0.5
