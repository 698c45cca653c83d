"""Draws uniformly from what linear constraints leave of whole numbers, alone or among real ones."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint
from nextpoint_service.domain.search_space import IntParameter, SearchSpace
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.linear_system import LinearSystem, Region, region
from nextpoint_service.optimizer.polytope import hit_and_run, polytope

Density = Callable[[Array], Array]
Flags = NDArray[np.bool_]

_MOST_NODES = 20_000
"""How much of the tree of whole numbers is looked at before it counts as too large to list."""
_NEAR = 1e-9
"""How far rounding can take a sum of scaled terms, of which several were eliminated."""
_ROUNDS = 3
_DRAWS = 128
_RAREST = 1 / 64
"""Where fewer draws than this are kept, more of them cost more than they bring."""


@lru_cache(maxsize=64)
def listed(space: SearchSpace) -> Array | None:
    """Return every place in the region of the space, one a row.

    None when a constrained parameter is real, or when the whole numbers take long to list.
    """
    bounded = region(space)
    if bounded is None or not bounded.whole.all():
        return None
    found = _Tree(bounded).leaves()
    if found is None:
        return None
    return np.array([bounded.place([*each]) for each in found]).reshape(len(found), -1)


class _Tree:
    """The whole numbers, one parameter a level, cut where a constraint cannot hold any more."""

    def __init__(self, bounded: Region) -> None:
        self._bounded = bounded
        parameters = [each for each in bounded.parameters if isinstance(each, IntParameter)]
        self._low = np.array([float(each.low) for each in parameters])
        self._high = np.array([float(each.high) for each in parameters])
        rows = [_at_most(each, bounded) for each in bounded.constraints]
        self._weights = np.vstack([weights for weights, _ in rows])
        least = np.minimum(self._weights * self._low, self._weights * self._high)
        largest = np.maximum(np.abs(self._weights * self._low), np.abs(self._weights * self._high))
        bounds = np.concatenate([bound for _, bound in rows])
        # What rounding costs is found out by the constraints themselves, at the leaves.
        slack = _NEAR * np.maximum(np.abs(bounds), largest.max(axis=1))
        self._room = bounds + slack
        # The least that the parameters from each one on add to each row.
        self._rest = np.hstack([least[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros((len(least), 1))])
        self._nodes = 0

    def leaves(self) -> list[tuple[int, ...]] | None:
        """Return the points; None when there are too many nodes on the way to them."""
        level: list[tuple[tuple[int, ...], Array]] = [((), np.zeros(len(self._room)))]
        for column in range(len(self._low)):
            following: list[tuple[tuple[int, ...], Array]] = []
            for values, sums in level:
                low, high = self._range(column, sums)
                self._nodes += max(0, high - low + 1)
                if self._nodes > _MOST_NODES:
                    return None
                following += [
                    ((*values, value), sums + self._weights[:, column] * value)
                    for value in range(low, high + 1)
                ]
            level = following
        points = [values for values, _ in level]
        return [each for each in points if self._holds(each)]

    def _range(self, column: int, sums: Array) -> tuple[int, int]:
        """Return the least and the largest value that leave room for the rest."""
        weights = self._weights[:, column]
        room = self._room - sums - self._rest[:, column + 1]
        low, high = self._low[column], self._high[column]
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = room / weights
        high = min(high, float(ends[weights > 0].min(initial=np.inf)))
        low = max(low, float(ends[weights < 0].max(initial=-np.inf)))
        if (room[weights == 0] < 0).any():
            return 0, -1
        return math.ceil(low), math.floor(high)

    def _holds(self, values: tuple[int, ...]) -> bool:
        point = self._bounded.point([*values])
        return all(each.holds(point) for each in self._bounded.constraints)


def _at_most(constraint: LinearConstraint, bounded: Region) -> tuple[Array, Array]:
    """Return the constraint as one or two rows of weights, and what their sums are at most."""
    column = {each.name: index for index, each in enumerate(bounded.parameters)}
    weights = np.zeros(len(column))
    for term in constraint.terms:
        weights[column[term.name]] = term.weight
    signs = {
        Comparison.LESS_THAN: [1.0],
        Comparison.GREATER_THAN: [-1.0],
        Comparison.EQUAL: [1.0, -1.0],
    }[constraint.comparison]
    return (
        np.vstack([sign * weights for sign in signs]),
        np.array([sign * constraint.threshold for sign in signs]),
    )


def mixed(
    bounded: Region, random: np.random.Generator, count: int, log_density: Density | None = None
) -> Array:
    """Return places in a region with whole numbers, one a row; fewer where few are found.

    Each whole number owns the unit of length around it. In these units, the constraints widened
    by half of them bound a polytope from which `hit_and_run` draws; a draw whose whole numbers
    satisfy the constraints themselves is kept. Of an equality among real numbers, one follows from
    the others. So what is kept is uniform, or distributed by the density.
    """
    widened = _widened(bounded)
    inside = None if widened is None else polytope(widened.system)
    kept: list[Array] = []
    if widened is None or inside is None:
        return np.empty((0, len(bounded.parameters)))
    weigh = None if log_density is None else lambda draws: log_density(widened.places(draws))
    amount = max(_DRAWS, 2 * count)
    for _ in range(_ROUNDS):
        missing = count - sum(map(len, kept))
        places = widened.places(hit_and_run(inside, random, amount, weigh))
        within = ((places >= -_NEAR) & (places <= 1.0 + _NEAR)).all(axis=1)
        held = within & bounded.system.holds(places, _NEAR)
        kept.append(np.clip(places[held], 0.0, 1.0)[:missing])
        if held.sum() >= missing or held.mean() < _RAREST:
            break
        amount = min(4 * _DRAWS, int(2 * missing / held.mean()))
    return np.vstack(kept)


@dataclass(frozen=True, slots=True)
class _Widened:
    """Inequalities around all places whose whole numbers could satisfy the constraints.

    They bound `free`, the parameters that do not follow from others by an equality, each scaled to
    the unit interval. `pivots` are those that do, each by its row of `equal`, whose sum is `level`.
    """

    system: LinearSystem
    free: list[int]
    steps: Array
    pivots: list[int]
    equal: Array
    level: Array

    def places(self, draws: Array) -> Array:
        """Return where draws lie in the region, their whole numbers rounded."""
        free = draws * (1.0 + self.steps) - self.steps / 2
        whole = self.steps > 0
        count = 1.0 / self.steps[whole]
        free[:, whole] = np.clip(np.rint(free[:, whole] * count), 0.0, np.rint(count)) / count
        places = np.empty((len(draws), len(self.free) + len(self.pivots)))
        places[:, self.free] = free
        places[:, self.pivots] = self.level - free @ self.equal.T
        return places


def _widened(bounded: Region) -> _Widened | None:
    """Return the widened constraints; None when equalities contradict each other."""
    matrix, bound = bounded.system.matrix.copy(), bounded.system.bound.copy()
    pivots = _eliminate(matrix, bound, bounded.system.equal, ~bounded.whole)
    free = [index for index in range(len(bounded.parameters)) if index not in pivots.values()]
    steps = np.array(
        [
            1.0 / (each.high - each.low) if isinstance(each, IntParameter) else 0.0
            for each in (bounded.parameters[index] for index in free)
        ]
    )
    solved = [*pivots]
    equal, level = matrix[solved][:, free], bound[solved]
    rest = [index for index in range(len(bound)) if index not in pivots]
    among_whole = [index for index in rest if bounded.system.equal[index]]
    sides = np.vstack([matrix[rest][:, free], -matrix[among_whole][:, free], equal, -equal])
    ends = np.concatenate([bound[rest], -bound[among_whole], level, 1.0 - level])
    ends = ends + np.abs(sides) @ steps / 2
    empty = np.abs(sides).max(axis=1, initial=0.0) < _NEAR
    if (ends[empty] < -_NEAR).any():
        return None
    system = LinearSystem(
        (sides * (1.0 + steps))[~empty],
        (ends + sides @ steps / 2)[~empty],
        np.zeros(int((~empty).sum()), dtype=np.bool_),
    )
    return _Widened(system, free, steps, [*pivots.values()], equal, level)


def _eliminate(matrix: Array, bound: Array, equal: Flags, real: Flags) -> dict[int, int]:
    """Solve equalities for a real parameter each, in place; return its column by the row."""
    pivots: dict[int, int] = {}
    for row in np.flatnonzero(equal):
        weights = np.where(real, np.abs(matrix[row]), 0.0)
        weights[[*pivots.values()]] = 0.0
        column = int(weights.argmax())
        if weights[column] < _NEAR:
            continue
        bound[row] /= matrix[row, column]
        matrix[row] /= matrix[row, column]
        for other in range(len(bound)):
            if other != row:
                bound[other] -= matrix[other, column] * bound[row]
                matrix[other] -= matrix[other, column] * matrix[row]
        pivots[int(row)] = column
    return pivots
