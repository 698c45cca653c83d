"""Finds the places where an acquisition is largest.

It begins everywhere, and around the best places known at several scales: the peak near the best
point is narrow, and samples of the whole space miss it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.optimize import minimize

from nextpoint_service.optimizer.acquisition import Acquisition
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.candidates import (
    around,
    feasible,
    neighbours,
    spread_out,
)
from nextpoint_service.optimizer.layout import Layout
from nextpoint_service.optimizer.linear_system import LinearSystem

Loss = Callable[[Array], tuple[float, Array]]

_SPREAD = 512
_AROUND = 12
_LOOKED_AROUND = 4
"""Around how many of the centres, the best, there are samples; all are looked at themselves."""
_ASCENTS = 5
_PIECE = 64
_STEPS = 60
_ROUNDS = 4
_EXACT = 1e-9
"""How little a step of an ascent still gains when it ends: a share, and of SLSQP the amount."""
_ROUGH = 1e-6
"""The same for all but the first point of a round: cheaper, and nearly as good."""


def maximize(
    acquisition: Acquisition,
    layout: Layout,
    centres: Array,
    random: np.random.Generator,
) -> tuple[Array, Array]:
    """Return places, the most promising first, and their values.

    Among them are all that the search began with, so that the first is never worse than any.
    """
    everywhere = spread_out(layout, acquisition.guide.priors, count=_SPREAD, random=random)
    near = around(layout, centres[:_LOOKED_AROUND], each=_AROUND, random=random)
    near = np.vstack([feasible(layout, layout.snapped(centres)), near])
    groups = [(rows, acquisition.values(rows)) for rows in (everywhere, near) if len(rows)]
    climbed = _tops(acquisition, layout, _starts(groups), random, tolerance=_EXACT)
    return _best_first([*groups, climbed])


def maximize_again(
    acquisition: Acquisition,
    layout: Layout,
    looked_at: tuple[Array, Array],
    random: np.random.Generator,
) -> tuple[Array, Array]:
    """Return places and values as `maximize` does, from those of an acquisition that expected more.

    Only so many are looked at again as may be the most promising still (Minoux (1978), "Accelerated
    greedy algorithms for maximizing submodular set functions").
    """
    rows, found = looked_at[0], looked_at[1].copy()
    for first in range(0, len(rows), _PIECE):
        piece = slice(first, first + _PIECE)
        found[piece] = acquisition.values(rows[piece])
        if found[: piece.stop].max() >= found[piece.stop :].max(initial=-np.inf):
            break
    # Further ascents cost more, and found no better points (docs/decisions/0015).
    best = rows[int(found[: piece.stop].argmax())]
    return _best_first(
        [(rows, found), _tops(acquisition, layout, [best], random, tolerance=_ROUGH)]
    )


def _tops(
    acquisition: Acquisition,
    layout: Layout,
    starts: list[Array],
    random: np.random.Generator,
    *,
    tolerance: float,
) -> tuple[Array, Array]:
    rows = [_climbed(acquisition, layout, each, random, tolerance=tolerance) for each in starts]
    return np.vstack(rows), acquisition.values(np.vstack(rows))


def _best_first(groups: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    rows = np.vstack([each[0] for each in groups])
    found = np.concatenate([each[1] for each in groups])
    order = np.argsort(-found, kind="stable")
    return rows[order], found[order]


def _starts(groups: list[tuple[Array, Array]]) -> list[Array]:
    """Return the best of every group, each next one away from those before it."""
    starts: list[Array] = []
    share = -(-_ASCENTS // len(groups))
    for rows, found in groups:
        chosen = 0
        for index in np.argsort(-found, kind="stable"):
            if all(np.abs(rows[index] - each).max() > 0.05 for each in starts):
                starts.append(rows[index])
                chosen += 1
            if chosen == share:
                break
    return starts


def _climbed(
    acquisition: Acquisition,
    layout: Layout,
    start: Array,
    random: np.random.Generator,
    *,
    tolerance: float,
) -> Array:
    """Return the top of the hill: real columns by gradient, discrete ones by looking around."""
    place = start
    discrete = any(layout.count(axis) > 1 for axis in range(len(layout.axes)))
    for _ in range(_ROUNDS):
        place = _ascended(acquisition, layout, place, tolerance=tolerance)
        if not discrete:
            break
        others = neighbours(layout, place, random)
        best = others[int(acquisition.values(others).argmax())] if len(others) else place
        if np.array_equal(best, place):
            break
        place = best
    return place


def _ascended(acquisition: Acquisition, layout: Layout, place: Array, *, tolerance: float) -> Array:
    movable = layout.movable(place)
    free = np.flatnonzero(movable)
    if not len(free):
        return place
    moved = place.copy()

    def loss(reals: Array) -> tuple[float, Array]:
        moved[free] = reals
        value, gradient = acquisition.with_gradient(moved)
        return -value, -gradient[free]

    bounded = layout.bounded
    if layout.system is None or bounded is None or not movable[bounded.columns].any():
        result = minimize(
            loss,
            place[free],
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * len(free),
            options={"maxiter": _STEPS, "ftol": tolerance, "gtol": 1e-6},
        )
        end = np.clip(result.x, 0.0, 1.0)
    else:
        fixed = np.where(movable, 0.0, place)
        rest = layout.system.bound - layout.system.matrix @ fixed
        end = _within(
            loss, replace(layout.system.among(free), bound=rest), place[free], tolerance=tolerance
        )
    ascended = place.copy()
    ascended[free] = end
    return ascended if np.isfinite(end).all() else place


def _within(loss: Loss, system: LinearSystem, start: Array, *, tolerance: float) -> Array:
    """Return the bottom of the valley where the linear constraints hold."""
    constraints = []
    for kind, chosen in (("eq", system.equal), ("ineq", ~system.equal)):
        if chosen.any():
            # The convention of SLSQP: what is equal is 0, what is not is at least 0.
            distance = partial(_distance, system.matrix[chosen], system.bound[chosen])
            slope = partial(_slope, -system.matrix[chosen])
            constraints.append({"type": kind, "fun": distance, "jac": slope})
    result = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(start),
        constraints=constraints,
        options={"maxiter": _STEPS, "ftol": tolerance},
    )
    return np.asarray(np.clip(result.x, 0.0, 1.0))


def _distance(matrix: Array, bound: Array, place: Array) -> Array:
    return np.asarray(bound - matrix @ place)


def _slope(slope: Array, _place: Array) -> Array:
    return slope
