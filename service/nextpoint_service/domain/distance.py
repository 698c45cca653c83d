"""How far points of a search space are apart, whatever the units of its parameters."""

import math
from dataclasses import dataclass

from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.search_space import (
    CategoricalParameter,
    NumericParameter,
    Parameter,
    SearchSpace,
    choices,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a point lies: a number for each parameter, and a word where a number says nothing."""

    numbers: tuple[float, ...]
    words: tuple[str, ...]


def place(space: SearchSpace, point: Assignments) -> Place:
    """Return where the point lies.

    A numeric parameter is scaled so that its bounds are 0 and 1, on a logarithmic scale if it has
    one. Values of a grid, ordered categories, and false and true have equal steps from 0 to 1.
    """
    found = [_of_parameter(each, point.get(each.name)) for each in space.parameters]
    return Place(tuple(number for number, _ in found), tuple(word for _, word in found))


def distance(one: Place, other: Place) -> float:
    """Return the root of the mean square of the distances in each parameter.

    Different categories without an order are 1 apart, and so is a value that a parameter cannot
    have from any other.
    """
    squares = math.dist(one.numbers, other.numbers) ** 2
    if one.words != other.words:
        squares += sum(a != b for a, b in zip(one.words, other.words, strict=True))
    return math.sqrt(squares / len(one.numbers))


def _of_parameter(parameter: Parameter, value: Value | None) -> tuple[float, str]:
    if isinstance(parameter, CategoricalParameter) and not parameter.ordered:
        return 0.0, str(value)
    if isinstance(parameter, NumericParameter) and not parameter.grid:
        return _of_number(parameter, value)
    values = choices(parameter) or ()
    if value not in values:
        return 0.0, repr(value)
    return values.index(value) / max(len(values) - 1, 1), ""


def _of_number(parameter: NumericParameter, value: Value | None) -> tuple[float, str]:
    if value is None or isinstance(value, str) or (parameter.log and value <= 0.0):
        return 0.0, repr(value)
    low, high, number = float(parameter.low), float(parameter.high), float(value)
    if parameter.log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    # In halves, so that bounds near the largest numbers have a width.
    return (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0), ""
