"""The linear constraints of a search space as a polytope in the unit cube."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint
from nextpoint_service.domain.search_space import IntParameter, NumericParameter, SearchSpace
from nextpoint_service.optimizer.arrays import Array

ROUNDING = 1e-12
"""How far rounding can take a sum of scaled terms from its bound."""


@dataclass(frozen=True, slots=True)
class LinearSystem:
    """`matrix @ x <= bound`, and exactly equal where `equal` says so."""

    matrix: Array
    bound: Array
    equal: NDArray[np.bool_]

    def holds(self, places: Array, tolerance: float = ROUNDING) -> NDArray[np.bool_]:
        """Say for each place, one a row, whether it satisfies every row."""
        excess = places @ self.matrix.T - self.bound
        missed = np.where(self.equal, np.abs(excess), excess)
        return np.asarray((missed <= tolerance).all(axis=1))

    def among(self, columns: NDArray[np.int64]) -> "LinearSystem":
        """Return the part of it that concerns these columns."""
        return LinearSystem(self.matrix[:, columns], self.bound, self.equal)


@dataclass(frozen=True, slots=True)
class Region:
    """The constrained parameters, their bounds mapped to 0 and 1, and the constraints on them."""

    parameters: tuple[NumericParameter, ...]
    constraints: tuple[LinearConstraint, ...]
    system: LinearSystem
    whole: NDArray[np.bool_]

    @classmethod
    def of(
        cls, parameters: tuple[NumericParameter, ...], constraints: tuple[LinearConstraint, ...]
    ) -> "Region":
        """Return the region of these parameters, which must be all that are constrained."""
        base = [each.low for each in parameters]
        system = system_around(parameters, constraints, base, [_width(each) for each in parameters])
        whole = np.array([isinstance(each, IntParameter) for each in parameters])
        return cls(parameters, constraints, system, whole)

    def values(self, place: Array) -> list[float | int]:
        """Return the parameters' values at a place: whole where they must be, within bounds."""
        return [
            _value(parameter, float(unit))
            for parameter, unit in zip(self.parameters, place, strict=True)
        ]

    def place(self, values: list[float | int]) -> Array:
        """Return the place of the values in the unit cube."""
        return np.array(
            [
                float((Fraction(value) - Fraction(each.low)) / _width(each))
                for each, value in zip(self.parameters, values, strict=True)
            ]
        )

    def point(self, values: list[float | int]) -> dict[str, float | int]:
        """Return the values by name."""
        return {each.name: value for each, value in zip(self.parameters, values, strict=True)}


@lru_cache(maxsize=64)
def region(space: SearchSpace) -> Region | None:
    """Return the region of the space; None when the space has no constraints."""
    if not space.constraints:
        return None
    names = {term.name for constraint in space.constraints for term in constraint.terms}
    parameters = tuple(
        each
        for each in space.parameters
        if each.name in names and isinstance(each, NumericParameter)
    )
    return Region.of(parameters, space.constraints)


def system_around(
    parameters: tuple[NumericParameter, ...],
    constraints: tuple[LinearConstraint, ...],
    base: list[float | int],
    units: list[Fraction],
) -> LinearSystem:
    """Return the constraints on the distance from `base`, counted in `units`.

    The rows are computed in fractions and scaled by their largest coefficient: neither tiny nor
    huge weights, bounds or units lose a digit before the one rounding at the end.
    """
    column = {each.name: index for index, each in enumerate(parameters)}
    matrix = np.zeros((len(constraints), len(parameters)))
    bound = np.zeros(len(constraints))
    for row, constraint in enumerate(constraints):
        sign = -1 if constraint.comparison is Comparison.GREATER_THAN else 1
        weights = {column[term.name]: sign * Fraction(term.weight) for term in constraint.terms}
        rest = sign * Fraction(constraint.threshold)
        rest -= sum(weight * Fraction(base[index]) for index, weight in weights.items())
        scale = max(abs(weight * units[index]) for index, weight in weights.items())
        for index, weight in weights.items():
            matrix[row, index] = float(weight * units[index] / scale)
        # Beyond this the row holds everywhere, or nowhere, and a float could overflow.
        limit = Fraction(2**80)
        bound[row] = float(min(max(rest / scale, -limit), limit))
    equal = np.array([each.comparison is Comparison.EQUAL for each in constraints])
    return LinearSystem(matrix, bound, equal)


def is_inside(space: SearchSpace, point: Assignments) -> bool:
    """Whether the space contains the point, with inequalities that hold to the last digit."""
    return space.contains(point) and inequalities_hold(space.constraints, point)


def inequalities_hold(constraints: Sequence[LinearConstraint], point: Assignments) -> bool:
    """Whether those of the constraints that are inequalities hold to the last digit."""
    return all(
        constraint.comparison is Comparison.EQUAL or constraint.excess(point) <= 0
        for constraint in constraints
    )


def _width(parameter: NumericParameter) -> Fraction:
    return Fraction(parameter.high) - Fraction(parameter.low)


def _value(parameter: NumericParameter, unit: float) -> float | int:
    if isinstance(parameter, IntParameter):
        offset = round(unit * (parameter.high - parameter.low))
        return min(max(parameter.low + offset, parameter.low), parameter.high)
    value = parameter.low * (1.0 - unit) + parameter.high * unit
    return float(min(max(value, parameter.low), parameter.high))
