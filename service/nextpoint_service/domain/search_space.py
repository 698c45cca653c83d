"""The search space: parameters, linear constraints, and whether a point lies inside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeGuard, assert_never

from nextpoint_service.domain.conditionals import Condition, Conditional, hold

Value = float | int | str | bool
Assignments = Mapping[str, Value]

LARGEST_INT = 2**53
"""Up to here every language's floating-point numbers hold whole numbers exactly."""

TOLERANCE = 1e-9
"""How far, relative to its largest term, a constraint on reported points may be missed."""


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """A belief that good values are normally distributed, cut off at the bounds."""

    mean: float
    scale: float


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """A belief that the places of good values between the bounds have a beta distribution."""

    shape_a: float
    shape_b: float


Prior = NormalPrior | BetaPrior


@dataclass(frozen=True, slots=True)
class DoubleParameter:
    """A real dimension; `grid`, ascending, restricts it to these values.

    `prior` says where good values are expected; None is everywhere alike. Of this and of every
    other parameter, `default` is what points without a value are taken to have, and only where all
    `conditions` hold is the parameter there.
    """

    name: str
    low: float
    high: float
    log: bool = False
    grid: tuple[float, ...] = ()
    prior: Prior | None = None
    default: float | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class IntParameter:
    """A whole dimension; `grid`, ascending, restricts it to these values."""

    name: str
    low: int
    high: int
    log: bool = False
    grid: tuple[int, ...] = ()
    default: int | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class CategoricalParameter:
    """One of several strings; `ordered` says that their order means something."""

    name: str
    values: tuple[str, ...]
    ordered: bool = False
    default: str | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class BoolParameter:
    """True or false."""

    name: str
    default: bool | None = None
    conditions: tuple[Condition, ...] = ()


Parameter = DoubleParameter | IntParameter | CategoricalParameter | BoolParameter
NumericParameter = DoubleParameter | IntParameter


class Comparison(Enum):
    """How a weighted sum is compared with its threshold."""

    GREATER_THAN = "greater_than"
    LESS_THAN = "less_than"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted parameter of a sum."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """A weighted sum of numeric parameters, compared with a threshold."""

    comparison: Comparison
    terms: tuple[Term, ...]
    threshold: float

    def sum(self, point: Assignments) -> float:
        """Return the weighted sum at a point."""
        return math.fsum(self._products(point))

    def excess(self, point: Assignments) -> float:
        """Return by how much the point misses the constraint; 0 or less means it holds."""
        difference = math.fsum([*self._products(point), -self.threshold])
        match self.comparison:
            case Comparison.GREATER_THAN:
                return -difference
            case Comparison.LESS_THAN:
                return difference
            case Comparison.EQUAL:
                return abs(difference)
            case _:
                assert_never(self.comparison)

    def holds(self, point: Assignments) -> bool:
        """Whether the point satisfies the constraint, up to the rounding of its terms.

        Whole numbers with whole weights are not rounded, so that they have to satisfy it exactly.
        """
        tolerance = 0.0 if self.is_exact(point) else TOLERANCE * self._largest(point)
        return self.excess(point) <= tolerance

    def is_exact(self, point: Assignments) -> bool:
        """Whether all terms are whole numbers that are added without rounding."""
        return self._largest(point) <= LARGEST_INT and all(
            isinstance(point[term.name], int) and term.weight.is_integer() for term in self.terms
        )

    def _products(self, point: Assignments) -> list[float]:
        return [term.weight * float(point[term.name]) for term in self.terms]

    def _largest(self, point: Assignments) -> float:
        return max(abs(self.threshold), *(abs(each) for each in self._products(point)))


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Parameters, the linear constraints on them, and the conditionals that they depend on."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = ()
    conditionals: tuple[Conditional, ...] = ()

    @property
    def dimension(self) -> int:
        """Return how many choices there are to make."""
        return len(self.conditionals) + len(self.parameters)

    @property
    def switches(self) -> tuple[CategoricalParameter, ...]:
        """Return the conditionals as the parameters that they are in every point."""
        return tuple(CategoricalParameter(each.name, each.values) for each in self.conditionals)

    def members(self, point: Mapping[str, object]) -> tuple[Parameter, ...]:
        """Return the parameters that a point with these values of the conditionals has."""
        if not self.conditionals:
            return self.parameters
        there = (each for each in self.parameters if hold(each.conditions, point))
        return (*self.switches, *there)

    def contains(self, point: Assignments) -> bool:
        """Whether the point has exactly its parameters, inside their bounds and constraints."""
        members = self.members(point)
        return (
            point.keys() == {parameter.name for parameter in members}
            and all(
                type_problem(parameter, point[parameter.name]) is None
                and range_problem(parameter, point[parameter.name]) is None
                for parameter in members
            )
            and all(constraint.holds(point) for constraint in self.constraints)
        )


def translated(space: SearchSpace, point: Assignments) -> Assignments:
    """Return what a point of an earlier space is in this one.

    What was removed is left out. What is missing, or was of another type when the name was another
    parameter's, is the default, where there is one. The point may lie outside.
    """
    members = space.members(point)
    if len(point) == len(members) and all(
        each.name in point and _is_of_type(each, point[each.name]) for each in members
    ):
        return point
    values: dict[str, Value] = {}
    for parameter in members:
        value = point.get(parameter.name)
        if value is None or not _is_of_type(parameter, value):
            value = parameter.default
        if value is not None:
            values[parameter.name] = value
    return values


def _is_of_type(parameter: Parameter, value: Value) -> bool:
    match parameter:
        case DoubleParameter():
            # 1 is not 1.0: every language reads a value where its parameter's type says it is.
            return isinstance(value, float)
        case IntParameter():
            return _is_whole(value)
        case CategoricalParameter():
            return isinstance(value, str)
        case BoolParameter():
            return isinstance(value, bool)
        case _:
            assert_never(parameter)


def choices(parameter: Parameter) -> tuple[Value, ...] | None:
    """Return the values a parameter can take when they are listed one by one, else None."""
    match parameter:
        case CategoricalParameter(values=values):
            return values
        case BoolParameter():
            return (False, True)
        case DoubleParameter(grid=grid) | IntParameter(grid=grid):
            return grid or None
        case _:
            assert_never(parameter)


def cell(space: SearchSpace, index: int) -> dict[str, Value]:
    """Return the grid's cell of this index; the first parameter varies fastest."""
    point: dict[str, Value] = {}
    rest = index
    for parameter in space.parameters:
        values = choices(parameter)
        if values is None:
            raise ValueError(f"parameter '{parameter.name}' has no grid")
        rest, position = divmod(rest, len(values))
        point[parameter.name] = values[position]
    if rest:
        raise ValueError(f"the grid has no cell {index}")
    return point


def cell_count(space: SearchSpace) -> int:
    """Return the number of cells of the grid; every parameter must have listed values."""
    return math.prod(len(choices(parameter) or ()) for parameter in space.parameters)


def type_problem(parameter: Parameter, value: Value) -> str | None:
    """Say why the value is not of the parameter's type, or return None."""
    match parameter:
        case DoubleParameter():
            fits = isinstance(value, float) and math.isfinite(value)
            wanted = "a finite number (double_value)"
        case IntParameter():
            fits = _is_whole(value) and -LARGEST_INT <= value <= LARGEST_INT
            wanted = "a whole number (int_value) from -2^53 to 2^53"
        case CategoricalParameter(values=values):
            fits = isinstance(value, str) and value in values
            wanted = f"one of {_listed(values)}"
        case BoolParameter():
            fits = isinstance(value, bool)
            wanted = "true or false"
        case _:
            assert_never(parameter)
    return None if fits else f"must be {wanted}, got {value!r}"


def range_problem(parameter: Parameter, value: Value) -> str | None:
    """Say why a value of the right type lies outside the parameter's range, or return None."""
    match parameter:
        case DoubleParameter(grid=grid) | IntParameter(grid=grid) if grid:
            return None if value in grid else f"must be one of {_listed(grid)}, got {value}"
        case DoubleParameter(low=low, high=high) | IntParameter(low=low, high=high):
            inside = not isinstance(value, str) and low <= value <= high
            return None if inside else f"must be from {low} to {high}, got {value}"
        case CategoricalParameter() | BoolParameter():
            return None
        case _:
            assert_never(parameter)


def _is_whole(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(values: tuple[Value, ...]) -> str:
    shown = ", ".join(repr(value) for value in values[:10])
    return shown if len(values) <= 10 else f"{shown}, … ({len(values)} values)"
