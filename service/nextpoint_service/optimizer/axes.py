"""Maps the unit interval to the values of a parameter."""

import math
from collections.abc import Iterable
from typing import assert_never

from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    Parameter,
    SearchSpace,
    choices,
)

AT_BOUND = 1e-9
"""How near a bound is at it, as a share of the range; where searches stop short of it."""
Key = tuple[tuple[str, Value], ...]


def key(point: Assignments) -> Key:
    """Return what equal points have in common, whatever the order of their parameters."""
    return tuple(sorted(point.items()))


def size(parameter: Parameter) -> int | None:
    """Return how many values the parameter can take; None when they are not countable."""
    if (values := choices(parameter)) is not None:
        return len(values)
    return parameter.high - parameter.low + 1 if isinstance(parameter, IntParameter) else None


def nth(parameter: Parameter, index: int) -> Value:
    """Return the value of this index among those the parameter can take."""
    if (values := choices(parameter)) is not None:
        return values[index]
    if isinstance(parameter, IntParameter):
        return parameter.low + index
    raise ValueError(f"the values of parameter '{parameter.name}' are not countable")


def at(parameter: Parameter, unit: float) -> Value:
    """Return the value at a place in the unit interval; equal lengths are equally likely.

    On a logarithmic scale a whole number owns the interval that rounds to it. A real number as near
    a bound as no evaluation tells apart is the bound.
    """
    if (values := choices(parameter)) is not None:
        return values[_share(unit, len(values))]
    match parameter:
        case DoubleParameter():
            return _real(parameter, unit)
        case IntParameter(low=low, high=high, log=True):
            scaled = between(math.log(low - 0.5), math.log(high + 0.5), unit)
            return min(max(round(math.exp(scaled)), low), high)
        case IntParameter(low=low, high=high):
            return low + _share(unit, high - low + 1)
        case CategoricalParameter() | BoolParameter():
            raise AssertionError("their values are listed")
        case _:
            assert_never(parameter)


def point_at(space: SearchSpace, units: Iterable[float]) -> dict[str, Value]:
    """Return the point at a place in the unit cube, whether or not constraints hold there."""
    return {
        each.name: at(each, float(unit)) for each, unit in zip(space.parameters, units, strict=True)
    }


def between(low: float, high: float, unit: float) -> float:
    """Return the number at a place between two, in steps that cannot overflow."""
    return low * (1.0 - unit) + high * unit


def clamp(value: float, low: float, high: float) -> float:
    """Return the nearest number within the bounds."""
    return float(min(max(value, low), high))


def _real(parameter: DoubleParameter, unit: float) -> float:
    low, high = parameter.low, parameter.high
    if unit <= AT_BOUND:
        return low
    if unit >= 1.0 - AT_BOUND:
        return high
    if parameter.log:
        return clamp(math.exp(between(math.log(low), math.log(high), unit)), low, high)
    return clamp(between(low, high, unit), low, high)


def _share(unit: float, count: int) -> int:
    return min(max(math.floor(unit * count), 0), count - 1)
