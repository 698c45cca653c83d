"""The search space: its parameters, and whether a point lies inside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, assert_never

from nextpoint_service.domain.assignments import LARGEST_INT, Assignments, Value
from nextpoint_service.domain.conditionals import Condition, Conditional, hold
from nextpoint_service.domain.linear_constraints import LinearConstraint


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
            wanted = "a finite double"
        case IntParameter():
            fits = _is_whole(value) and -LARGEST_INT <= value <= LARGEST_INT
            wanted = "an int from -2^53 to 2^53"
        case CategoricalParameter(values=values):
            fits = isinstance(value, str) and value in values
            wanted = f"one of {_listed(values)}"
        case BoolParameter():
            fits = isinstance(value, bool)
            wanted = "a bool"
        case _:
            assert_never(parameter)
    if fits:
        return None
    got = repr(value) if _is_of_type(parameter, value) else f"the {_type_of(value)} {value!r}"
    return f"must be {wanted}, got {got}"


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


def _type_of(value: Value) -> str:
    match value:
        case bool():  # an int to Python, so it comes first
            return "bool"
        case int():
            return "int"
        case float():
            return "double"
        case str():
            return "string"


def _is_whole(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(values: tuple[Value, ...]) -> str:
    shown = ", ".join(repr(value) for value in values[:10])
    return shown if len(values) <= 10 else f"{shown}, … ({len(values)} values)"
