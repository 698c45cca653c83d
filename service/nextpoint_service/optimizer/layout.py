"""The search space as a model of our own sees it: every point is a row of columns in [0, 1].

A numeric, ordered or true-or-false axis is one column. A choice is one column for each of its
values, of which one is the root of a half and the others are 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.domain.search_space import IntParameter, Parameter, SearchSpace, choices
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.axes import nth, size
from nextpoint_service.optimizer.branches import rest
from nextpoint_service.optimizer.encoding import Axis, AxisKind, Encoded, axes_of, encode
from nextpoint_service.optimizer.linear_system import LinearSystem, region
from nextpoint_service.optimizer.polytope import Polytope, polytope

_HOT = math.sqrt(0.5)
_MOST_LEVELS = 1000
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class _Conditioned:
    """The columns of an axis, what is in them at rest, and for each condition its switch's columns.

    The axis is there where the switch of every condition is on in one of these.
    """

    columns: slice
    rest: Array
    switches: tuple[NDArray[np.int64], ...]

    def there(self, rows: Array) -> NDArray[np.bool_]:
        """Say for each row whether the axis is there."""
        on = [(rows[:, each] > 0.0).any(axis=1) for each in self.switches]
        return np.asarray(np.logical_and.reduce(on))


@dataclass(frozen=True, slots=True)
class Bounded:
    """The linearly constrained columns, and the inside of the constraints on them."""

    columns: NDArray[np.int64]
    inside: Polytope


@dataclass(frozen=True)
class Layout:
    """How points of a search space lie in columns."""

    axes: tuple[Axis, ...]
    columns: tuple[slice, ...]
    """The columns of each axis."""
    levels: tuple[Array | None, ...]
    """For each axis the places of its values; None for choices, and where there are very many."""
    system: LinearSystem | None
    """The linear constraints on the columns."""

    @cached_property
    def conditioned(self) -> tuple[_Conditioned, ...]:
        """Return the axes of a flat space that are there under conditions alone; see `branches`."""
        start = {
            axis.parameter.name: columns.start
            for axis, columns in zip(self.axes, self.columns, strict=True)
        }
        values = {each.parameter.name: choices(each.parameter) or () for each in self.axes}
        resting = {each.parameter.name: rest(each.parameter) for each in self.axes}
        (row,) = self.embedded([encode(self.axes, resting)])
        return tuple(
            _Conditioned(
                columns,
                row[columns],
                tuple(
                    np.array([start[each.name] + values[each.name].index(v) for v in each.values])
                    for each in axis.parameter.conditions
                ),
            )
            for axis, columns in zip(self.axes, self.columns, strict=True)
            if axis.parameter.conditions
        )

    @cached_property
    def bounded(self) -> Bounded | None:
        """Return what is constrained; None where nothing is, or no inside is found."""
        if self.system is None:
            return None
        columns = np.flatnonzero((self.system.matrix != 0.0).any(axis=0))
        inside = polytope(self.system.among(columns))
        return None if inside is None else Bounded(columns, inside)

    @cached_property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.columns[-1].stop)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """Return for every column the index of its axis."""
        lengths = [each.stop - each.start for each in self.columns]
        return np.repeat(np.arange(len(self.axes)), lengths)

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Say for every column whether it is a real number."""
        free = np.zeros(self.width, dtype=bool)
        for axis, columns, levels in zip(self.axes, self.columns, self.levels, strict=True):
            free[columns] = axis.kind is not AxisKind.CHOICE and levels is None
        return free

    def embedded(self, points: Sequence[Encoded]) -> Array:
        """Return the rows of points."""
        rows = np.zeros((len(points), self.width))
        for axis, columns in zip(self.axes, self.columns, strict=True):
            values = [each[axis.name] for each in points]
            if axis.kind is AxisKind.CHOICE:
                chosen = [columns.start + int(str(each)[1:]) for each in values]
                rows[np.arange(len(points)), chosen] = _HOT
            else:
                steps = max(axis.count - 1, 1)
                rows[:, columns.start] = np.array(values, dtype=float) / steps
        return rows

    def encoded(self, row: Array) -> Encoded:
        """Return the point of a row."""
        point: Encoded = {}
        for axis, columns in zip(self.axes, self.columns, strict=True):
            match axis.kind:
                case AxisKind.CHOICE:
                    point[axis.name] = f"c{int(row[columns].argmax())}"
                case AxisKind.WHOLE:
                    point[axis.name] = round(float(row[columns.start]) * max(axis.count - 1, 1))
                case AxisKind.REAL:
                    point[axis.name] = float(row[columns.start])
                case _:
                    assert_never(axis.kind)
        return point

    def from_units(self, units: Array) -> Array:
        """Return the rows at places in the unit cube, which has one side for each axis.

        Each value of a discrete axis has an equal share of its side.
        """
        rows = np.zeros((len(units), self.width))
        for index, (columns, levels) in enumerate(zip(self.columns, self.levels, strict=True)):
            side = units[:, index]
            count = columns.stop - columns.start if levels is None else len(levels)
            share = np.minimum((side * count).astype(int), count - 1)
            if levels is not None:
                rows[:, columns.start] = levels[share]
            elif count > 1 or self.axes[index].kind is AxisKind.CHOICE:
                rows[np.arange(len(units)), columns.start + share] = _HOT
            else:
                rows[:, columns.start] = side
        return self._rested(rows)

    def holds(self, rows: Array) -> NDArray[np.bool_]:
        """Say for each row whether it satisfies the linear constraints, but for rounding."""
        if self.system is None:
            return np.ones(len(rows), dtype=bool)
        return self.system.holds(rows, _TOLERANCE)

    def snapped(self, rows: Array) -> Array:
        """Return the rows within their bounds, discrete columns at the nearest value."""
        snapped = np.clip(rows, 0.0, 1.0)
        for axis, columns, levels in zip(self.axes, self.columns, self.levels, strict=True):
            if levels is not None:
                middle = 0.5 * (levels[1:] + levels[:-1])
                snapped[:, columns.start] = levels[np.searchsorted(middle, rows[:, columns.start])]
            elif axis.kind is AxisKind.CHOICE:
                chosen = rows[:, columns].argmax(axis=1)
                snapped[:, columns] = 0.0
                snapped[np.arange(len(rows)), columns.start + chosen] = _HOT
        return self._rested(snapped)

    def replaced(self, row: Array, axis: int, choices: NDArray[np.int64]) -> Array:
        """Return copies of the row in which the discrete axis has the values of these indexes."""
        rows = np.repeat(row[None, :], len(choices), axis=0)
        columns, levels = self.columns[axis], self.levels[axis]
        if levels is not None:
            rows[:, columns.start] = levels[choices]
        else:
            rows[:, columns] = 0.0
            rows[np.arange(len(choices)), columns.start + choices] = _HOT
        return self._rested(rows)

    def movable(self, row: Array) -> NDArray[np.bool_]:
        """Say for every column whether it is a real number that is not at rest in the row."""
        movable = self.free.copy()
        for each in self.conditioned:
            movable[each.columns] &= each.there(row[None, :])[0]
        return movable

    def _rested(self, rows: Array) -> Array:
        """Put axes to rest in the rows where they are not there."""
        for each in self.conditioned:
            rows[~each.there(rows), each.columns] = each.rest
        return rows

    def choice(self, row: Array, axis: int) -> int:
        """Return the index of the value that the discrete axis has in the row."""
        columns, levels = self.columns[axis], self.levels[axis]
        if levels is None:
            return int(row[columns].argmax())
        return int(np.abs(levels - row[columns.start]).argmin())

    def count(self, axis: int) -> int:
        """Return how many values the axis has; 0 when it is real."""
        columns, levels = self.columns[axis], self.levels[axis]
        if levels is not None:
            return len(levels)
        return columns.stop - columns.start if self.axes[axis].kind is AxisKind.CHOICE else 0


def layout_of(space: SearchSpace) -> Layout:
    """Return how points of the space lie in columns."""
    axes = axes_of(space)
    stops = np.cumsum([each.count if each.kind is AxisKind.CHOICE else 1 for each in axes])
    starts = [0, *stops[:-1]]
    columns = tuple(slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True))
    levels = tuple(_levels(each) for each in axes)
    return Layout(axes, columns, levels, _system(space, axes, columns))


def _levels(axis: Axis) -> Array | None:
    if axis.kind is AxisKind.WHOLE:
        return np.arange(axis.count) / max(axis.count - 1, 1)
    parameter = axis.parameter
    count = size(parameter)
    # What an equality constrains is rounded and repaired in the end: few steps of one axis hold it.
    if not _is_log(parameter) or count is None or count > _MOST_LEVELS:
        return None
    values = [encode((axis,), {parameter.name: nth(parameter, index)}) for index in range(count)]
    return np.array([float(each[axis.name] or 0.0) for each in values])


def _system(
    space: SearchSpace, axes: tuple[Axis, ...], columns: tuple[slice, ...]
) -> LinearSystem | None:
    bounded = region(space)
    if bounded is None:
        return None
    start = {axis.parameter.name: at.start for axis, at in zip(axes, columns, strict=True)}
    matrix = np.zeros((len(bounded.system.bound), columns[-1].stop))
    matrix[:, [start[each.name] for each in bounded.parameters]] = bounded.system.matrix
    return LinearSystem(matrix, bounded.system.bound, bounded.system.equal)


def _is_log(parameter: Parameter) -> bool:
    return isinstance(parameter, IntParameter) and parameter.log
