"""Draws uniformly from a polytope, however thin."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import linprog

from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.linear_system import ROUNDING, LinearSystem, region

_THINNEST = 1e-7
"""A polytope thinner than this is flat in that direction."""
_NEWTON_STEPS = 50
_LEAST = 1e-12
"""A direction is at most so many times as wide as the narrowest: the inverse of this."""
_LONGEST_WALK = 300
_CANDIDATES = 16
"""How many draws along a line a density chooses from."""


@dataclass(frozen=True, slots=True)
class Polytope:
    """The points `x` with `matrix @ x <= bound` in the flat through `centre` along `axes`.

    Its columns, `axes`, are as many as the polytope has dimensions, which can be none. They are
    scaled so that the polytope, seen along them, is about as wide in every direction.
    """

    matrix: Array
    bound: Array
    centre: Array
    axes: Array

    def pulled(self, place: Array, hair: float) -> Array:
        """Return the place moved towards the centre until it is inside by a hair of the way."""
        return self.centre + (1.0 - hair) * self.step_towards(place, self.centre)

    def step_towards(self, place: Array, start: Array) -> Array:
        """Return how far to go from a start inside to stay inside, at most to the place."""
        step = self.axes @ (np.linalg.pinv(self.axes) @ (place - start))
        slack = np.maximum(self.bound - self.matrix @ start, 0.0)
        growth = self.matrix @ step
        # From a side that the start is on, a step along it or inwards may go all the way.
        leaving = growth > np.maximum(slack, ROUNDING)
        return np.asarray((slack[leaving] / growth[leaving]).min(initial=1.0) * step)


def polytope(system: LinearSystem) -> Polytope | None:
    """Return the polytope of the system inside the unit cube; None when it is empty."""
    size = system.matrix.shape[1]
    matrix = np.vstack([system.matrix[~system.equal], np.eye(size), -np.eye(size)])
    bound = np.concatenate([system.bound[~system.equal], np.ones(size), np.zeros(size)])
    equal, level = system.matrix[system.equal], system.bound[system.equal]
    found = _inner_point(matrix, bound, equal, level)
    if found is None:
        return None
    start, loose = found
    equal, level = np.vstack([equal, matrix[~loose]]), np.concatenate([level, bound[~loose]])
    start = start - np.linalg.pinv(equal) @ (equal @ start - level)
    matrix, bound = matrix[loose], bound[loose]
    return _rounded(matrix, bound, start, _null_space(equal))


@lru_cache(maxsize=64)
def interior(space: SearchSpace) -> Polytope | None:
    """Return the polytope of the region of the space; None when there is none, or it is empty."""
    bounded = region(space)
    return None if bounded is None else polytope(bounded.system)


def hit_and_run(
    inside: Polytope,
    random: np.random.Generator,
    count: int,
    log_density: Callable[[Array], Array] | None = None,
) -> Array:
    """Return places, one a row, that are uniform but for the finite length of the walk.

    Smith (1984), "Efficient Monte Carlo procedures for generating points uniformly distributed
    over bounded regions". The directions come from the Hessian at the analytic centre (the Dikin
    ellipsoid), so that a slab is crossed as quickly as a cube. With a density the places are
    distributed as it says: each step chooses by it among several draws and where it stands, as in
    Tjelmeland (2004), "Using all Metropolis-Hastings proposals to estimate mean values".
    """
    places = np.repeat(inside.centre[None, :], count, axis=0)
    dimensions = inside.axes.shape[1]
    if dimensions == 0:
        return places
    for _ in range(min(30 + 10 * dimensions, _LONGEST_WALK)):
        steps = random.standard_normal((count, dimensions)) @ inside.axes.T
        slack = np.maximum(inside.bound - places @ inside.matrix.T, 0.0)
        growth = steps @ inside.matrix.T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = slack / growth
        forward = np.where(growth > 0, ratio, np.inf).min(axis=1)
        backward = np.where(growth < 0, ratio, -np.inf).max(axis=1)
        if log_density is None:
            places = places + random.uniform(backward, forward)[:, None] * steps
        else:
            draws = random.uniform(backward, forward, (_CANDIDATES, count))
            candidates = places + np.vstack([np.zeros(count), draws])[:, :, None] * steps
            places = _chosen(candidates, log_density, random)
    return places


def _chosen(
    candidates: Array, log_density: Callable[[Array], Array], random: np.random.Generator
) -> Array:
    """Return of each place one candidate, as likely as the density says."""
    amount, count, size = candidates.shape
    logs = log_density(candidates.reshape(amount * count, size)).reshape(amount, count)
    # The largest of logarithms with Gumbel noise is a draw by their weights.
    winner = (logs + random.gumbel(size=logs.shape)).argmax(axis=0)
    return np.asarray(candidates[winner, np.arange(count)])


def _inner_point(
    matrix: Array, bound: Array, equal: Array, level: Array
) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.bool_]]] | None:
    """Return a point of the relative interior, and which inequalities are not always equal.

    One linear program finds both: Freund, Roundy and Todd (1985), "Identifying the set of
    always-active constraints in a system of linear inequalities by a single linear program".
    Its variables are the point times a stretch, the stretch, and the slacks up to 1.
    """
    size, count = matrix.shape[1], len(bound)
    solution = linprog(
        np.concatenate([np.zeros(size + 1), -np.ones(count)]),
        A_ub=np.hstack([matrix, -bound[:, None], np.eye(count)]),
        b_ub=np.zeros(count),
        A_eq=np.hstack([equal, -level[:, None], np.zeros((len(level), count))]),
        b_eq=np.zeros(len(level)),
        bounds=[(None, None)] * size + [(1.0, 1.0 / _THINNEST)] + [(0.0, 1.0)] * count,
        method="highs",
    )
    if solution.x is None:
        return None
    return solution.x[:size] / solution.x[size], solution.x[size + 1 :] > 0.5


def _null_space(matrix: Array) -> Array:
    _, sizes, rows = np.linalg.svd(matrix)
    rank = int((sizes > 1e-10).sum())
    return np.asarray(rows[rank:].T)


def _solved(scaled: Array) -> Array:
    """Return what times the matrix is nearest to a vector of ones."""
    try:
        return np.linalg.solve(scaled.T @ scaled, scaled.sum(axis=0))
    except np.linalg.LinAlgError:
        # Slacks of very different sizes, squared, leave a singular matrix; this takes long.
        return np.asarray(np.linalg.lstsq(scaled, np.ones(len(scaled)), rcond=None)[0])


def _rounded(matrix: Array, bound: Array, start: Array, basis: Array) -> Polytope:
    """Return the polytope with its analytic centre, found by damped Newton steps."""
    centre = start
    if basis.shape[1] == 0:
        return Polytope(matrix, bound, centre, basis)
    inner = matrix @ basis
    for _ in range(_NEWTON_STEPS):
        slack = bound - matrix @ centre
        scaled = inner / slack[:, None]
        step = -_solved(scaled)
        decrement = float(np.linalg.norm(scaled @ step))
        centre = centre + basis @ step / (1.0 + decrement)
        if decrement < 1e-3:
            break
    scaled = inner / (bound - matrix @ centre)[:, None]
    # The Cholesky factor of the squares, without squaring them.
    _, factor = np.linalg.qr(scaled)
    factor *= np.where(np.diag(factor) < 0.0, -1.0, 1.0)[:, None]
    sizes = np.diag(factor)
    np.fill_diagonal(factor, np.maximum(sizes, _LEAST * sizes.max()))
    return Polytope(matrix, bound, centre, basis @ np.linalg.inv(factor))
