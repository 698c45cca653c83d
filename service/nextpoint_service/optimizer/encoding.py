"""Names and numbers for a model: p0, p1, … in the unit interval, or whole from 0, or choices.

Names of users never reach an expression parser, and neither bounds nor scales of users reach a
model. Whole numbers, grids and ordered values are counted from 0; where there are many of them, or
where they are on a logarithmic scale, the model sees a real number that is rounded afterwards.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    Parameter,
    SearchSpace,
    type_problem,
)
from nextpoint_service.optimizer.axes import at, between, nth, size
from nextpoint_service.optimizer.linear_system import region

Encoded = dict[str, Value | None]

_MOST_COUNTED = 1000
"""Above this many values Ax would list them one by one, in gigabytes."""
_FARTHEST = 3.0
"""An observation further than this many ranges outside would leave the model only a corner."""


class AxisKind(Enum):
    """What a parameter is to the model."""

    REAL = "real"
    """A number in [0, 1]."""
    WHOLE = "whole"
    """A whole number from 0 to one less than the count of values."""
    CHOICE = "choice"
    """One of c0, c1, …, in no order."""


class NotEncodable(Exception):
    """The point has a value that the search space has no place for."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter as the model sees it; `count` is 0 for real ones."""

    name: str
    parameter: Parameter
    kind: AxisKind
    count: int = 0


@dataclass(frozen=True, slots=True)
class LinearRow:
    """A weighted sum of axes that must be at most, or exactly, the bound."""

    weights: dict[str, float]
    bound: float
    equal: bool


def axes_of(space: SearchSpace) -> tuple[Axis, ...]:
    """Return the axes of the space, in the order of its parameters."""
    # Ax cannot satisfy an equality on a grid of whole numbers; rounding and repair can.
    relaxed = {
        term.name
        for constraint in space.constraints
        if constraint.comparison is Comparison.EQUAL
        for term in constraint.terms
    }
    return tuple(
        _axis(f"p{index}", parameter, relaxed=parameter.name in relaxed)
        for index, parameter in enumerate(space.parameters)
    )


def _axis(name: str, parameter: Parameter, *, relaxed: bool) -> Axis:
    count = size(parameter)
    if isinstance(parameter, CategoricalParameter) and not parameter.ordered:
        return Axis(name, parameter, AxisKind.CHOICE, len(parameter.values))
    log_int = isinstance(parameter, IntParameter) and parameter.log and not parameter.grid
    if count is None or count > _MOST_COUNTED or log_int or relaxed:
        return Axis(name, parameter, AxisKind.REAL)
    return Axis(name, parameter, AxisKind.WHOLE, count)


def linear_rows(space: SearchSpace, axes: tuple[Axis, ...]) -> list[LinearRow]:
    """Return the linear constraints in the numbers of the axes."""
    bounded = region(space)
    if bounded is None:
        return []
    axis = {each.parameter.name: each for each in axes}
    columns = [axis[each.name] for each in bounded.parameters]
    system = bounded.system
    return [
        LinearRow(
            {
                each.name: float(weight) / max(each.count - 1, 1)
                for each, weight in zip(columns, weights, strict=True)
                if weight
            },
            float(bound),
            bool(equal),
        )
        for weights, bound, equal in zip(system.matrix, system.bound, system.equal, strict=True)
    ]


def encode(axes: tuple[Axis, ...], point: Assignments) -> Encoded:
    """Return the point in the numbers of the model, or raise NotEncodable.

    Numbers outside their bounds keep their distance.
    """
    return {axis.name: _encode_value(axis, point.get(axis.parameter.name)) for axis in axes}


def encodable(
    axes: tuple[Axis, ...], points: Iterable[Assignments]
) -> Iterator[tuple[int, Encoded]]:
    """Yield the points that have a place in the space, or near it, each with its index."""
    for index, point in enumerate(points):
        with suppress(NotEncodable):
            yield index, encode(axes, point)


def decode(axes: tuple[Axis, ...], encoded: Encoded) -> dict[str, Value]:
    """Return the point that the model means, rounded, and within the bounds."""
    return {axis.parameter.name: _decode_value(axis, encoded[axis.name]) for axis in axes}


def _encode_value(axis: Axis, value: Value | None) -> float | int | str:
    if value is None or type_problem(axis.parameter, value) is not None:
        raise NotEncodable(axis.parameter.name)
    match axis.parameter:
        case CategoricalParameter(values=values):
            index = values.index(str(value))
            return f"c{index}" if axis.kind is AxisKind.CHOICE else _counted(axis, index)
        case BoolParameter():
            return _counted(axis, int(value))
        case DoubleParameter(grid=grid) | IntParameter(grid=grid) if grid:
            if value not in grid:
                raise NotEncodable(axis.parameter.name)
            return _counted(axis, grid.index(value))
        case IntParameter(low=low) if axis.kind is AxisKind.WHOLE:
            return int(value) - low
        case DoubleParameter() | IntParameter():
            return _unit(axis.parameter, float(value))
        case _:
            raise AssertionError(axis)


def _counted(axis: Axis, index: int) -> float | int:
    return index if axis.kind is AxisKind.WHOLE else index / ((size(axis.parameter) or 2) - 1)


def _unit(parameter: DoubleParameter | IntParameter, value: float) -> float:
    low, high = float(parameter.low), float(parameter.high)
    if parameter.log:
        if value <= 0.0:
            raise NotEncodable(parameter.name)
        low, high, value = math.log(low), math.log(high), math.log(value)
    unit = (value - low) / (high - low)
    if not -_FARTHEST <= unit <= 1.0 + _FARTHEST:
        raise NotEncodable(parameter.name)
    return unit


def _decode_value(axis: Axis, encoded: Value | None) -> Value:
    parameter = axis.parameter
    if axis.kind is AxisKind.CHOICE:
        return nth(parameter, int(str(encoded)[1:]))
    if axis.kind is AxisKind.WHOLE:
        return nth(parameter, min(max(round(float(encoded or 0)), 0), axis.count - 1))
    unit = min(max(float(encoded or 0), 0.0), 1.0)
    count = size(parameter)
    if count is None:
        return at(parameter, unit)
    if isinstance(parameter, IntParameter) and parameter.log and not parameter.grid:
        value = round(math.exp(between(math.log(parameter.low), math.log(parameter.high), unit)))
        return min(max(value, parameter.low), parameter.high)
    # As a float, the last of very many indexes can be the one behind it.
    return nth(parameter, min(round(unit * (count - 1)), count - 1))
