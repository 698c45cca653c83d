"""Feasible places to look at: spread over the search space, and around places that are known."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.domain.search_space import Prior
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.layout import Bounded, Layout
from nextpoint_service.optimizer.polytope import hit_and_run
from nextpoint_service.optimizer.priors import log_density, spread
from nextpoint_service.optimizer.sobol import sobol

CENTRES = 8
"""How many of the places that are known, the best, a search begins from."""
_SCALES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_MOST_MOVED = 20
"""How many axes are moved at the same time; moving all of very many leads nowhere."""
_FEW = 9
_NEAR = (-4, -2, -1, 1, 2, 4)


def spread_out(
    layout: Layout,
    priors: Mapping[int, Prior],
    *,
    count: int,
    random: np.random.Generator,
) -> Array:
    """Return about so many rows from all over the space; `priors` are of columns."""
    seed = int(random.integers(2**31))
    by_axis = {int(layout.group[column]): prior for column, prior in priors.items()}
    units = spread(by_axis, sobol((seed,), 0, count, len(layout.axes)))
    rows = layout.from_units(units)
    bounded = layout.bounded
    if bounded is None:
        return rows
    within = {
        index: priors[column] for index, column in enumerate(bounded.columns) if column in priors
    }
    weigh = partial(log_density, within) if within else None
    rows[:, bounded.columns] = hit_and_run(bounded.inside, random, count, weigh)
    return feasible(layout, layout.snapped(rows))


def around(
    layout: Layout,
    centres: Array,
    *,
    each: int,
    random: np.random.Generator,
) -> Array:
    """Return for every centre and every scale so many rows around it."""
    scales = np.repeat(_SCALES, each)
    rows = [_moved(layout, centre, float(scale), random) for centre in centres for scale in scales]
    if not rows:
        return np.empty((0, layout.width))
    return feasible(layout, layout.snapped(np.array(rows)))


def feasible(layout: Layout, rows: Array) -> Array:
    """Return those rows that satisfy the linear constraints."""
    return rows[layout.holds(rows)]


def _moved(
    layout: Layout,
    centre: Array,
    scale: float,
    random: np.random.Generator,
) -> Array:
    count = len(layout.axes)
    moving = random.random(count) < min(1.0, _MOST_MOVED / count)
    moving[random.integers(count)] = True
    step = np.where(layout.free & moving[layout.group], random.standard_normal(layout.width), 0.0)
    row = np.asarray(centre + scale * step, dtype=np.float64)
    for axis in np.flatnonzero(moving):
        values = layout.count(int(axis))
        # Of discrete axes about one moves at the small scales, and more at the large ones.
        if values > 1 and random.random() < max(1.0 / count, 0.5 * scale):
            row = _shifted(layout, row, int(axis), scale, random)
    return row if layout.bounded is None else _pulled(layout.bounded, centre, row)


def _shifted(
    layout: Layout, row: Array, axis: int, scale: float, random: np.random.Generator
) -> Array:
    count = layout.count(axis)
    if layout.levels[axis] is None:
        return np.asarray(layout.replaced(row, axis, random.integers(count, size=1))[0])
    reach = max(1, round(scale * count))
    step = int(random.integers(1, reach + 1)) * (1 if random.random() < 0.5 else -1)
    choice = min(max(layout.choice(row, axis) + step, 0), count - 1)
    return np.asarray(layout.replaced(row, axis, np.array([choice]))[0])


def _pulled(bounded: Bounded, centre: Array, row: Array) -> Array:
    """Return the row moved back towards the centre until it is inside, and onto the flat."""
    start = centre[bounded.columns]
    pulled = np.clip(row, 0.0, 1.0)
    pulled[bounded.columns] = start + bounded.inside.step_towards(pulled[bounded.columns], start)
    return pulled


def neighbours(layout: Layout, row: Array, random: np.random.Generator) -> Array:
    """Return the row, and feasible ones in which one discrete axis has another value."""
    found = [row[None, :]]
    for axis in range(len(layout.axes)):
        count = layout.count(axis)
        if count > 1:
            chosen = layout.choice(row, axis)
            reach = _NEAR if layout.levels[axis] is not None else ()
            found.append(layout.replaced(row, axis, _others(chosen, count, reach, random)))
    return feasible(layout, np.vstack(found))


def _others(
    chosen: int, count: int, reach: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return other values: all where they are few, else those within reach, and some."""
    if count <= _FEW:
        return np.array([each for each in range(count) if each != chosen], dtype=np.int64)
    near = [min(max(chosen + step, 0), count - 1) for step in reach]
    some = random.integers(count, size=_FEW - len(near))
    return np.setdiff1d(np.array([*near, *some], dtype=np.int64), [chosen])
