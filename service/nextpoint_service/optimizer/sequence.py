"""The sequence of feasible points of an experiment, spread evenly or uniform at random."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from time import monotonic

import numpy as np

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.search_space import IntParameter, SearchSpace
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.axes import point_at
from nextpoint_service.optimizer.branches import rested
from nextpoint_service.optimizer.lattice import listed, mixed
from nextpoint_service.optimizer.linear_system import Region, is_inside, region
from nextpoint_service.optimizer.polytope import Polytope, hit_and_run, interior
from nextpoint_service.optimizer.priors import log_density, spread, unit_priors
from nextpoint_service.optimizer.repair import Missing, settle
from nextpoint_service.optimizer.sobol import sobol

_SECONDS_EACH = 1.0
"""How long to look for the feasible point near one place."""
_CHUNK = 32
"""Points that are made in one go; every index falls into one chunk."""
_DRAWS = (256, 1024, 4096)
"""How many draws are tried for one chunk until enough of them satisfy the constraints."""


@dataclass(frozen=True, slots=True)
class Made:
    """A point and how it was made."""

    point: dict[str, Value]
    method: str


def sequence(problem: Problem, *, until: float) -> Iterator[Made | None]:
    """Yield the points from the problem's index on, without end.

    None stands where no feasible point was found, which is more often when the time is over: that
    is at `until` on the monotonic clock.
    """
    space = problem.experiment.space
    bounded = region(space)
    first, offset = divmod(problem.index, _CHUNK)
    for chunk in count(first):
        draws = (
            _free_chunk(problem, chunk)
            if bounded is None
            else _constrained_chunk(problem, bounded, chunk)
        )
        # The drawn are made feasible one by one, when somebody asks for them: that is what costs.
        for drawn in islice(draws, offset, None):
            point = feasible_near(space, bounded, drawn.point, drawn.inside, until=until)
            yield None if point is None else Made(rested(space, point), drawn.method)
        offset = 0


def feasible_near(
    space: SearchSpace,
    bounded: Region | None,
    point: dict[str, Value],
    inside: Polytope | None = None,
    *,
    until: float,
) -> dict[str, Value] | None:
    """Return the point when it is in the space, else one near it; None when none is found.

    The search ends at `until` on the monotonic clock, and before that when it takes long.
    """
    if bounded is None or is_inside(space, point):
        return point
    numbers = [
        value for each in bounded.parameters if not isinstance(value := point[each.name], str)
    ]
    until = min(until, monotonic() + _SECONDS_EACH)
    values = settle(bounded, bounded.place(numbers), inside, until=until)
    if isinstance(values, Missing):
        return None
    settled = {**point, **bounded.point(values)}
    return settled if space.contains(settled) else None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A point that may not be feasible yet; `inside` is where it could be, if that is known."""

    point: dict[str, Value]
    method: str
    inside: Polytope | None = None


def _free_chunk(problem: Problem, chunk: int) -> Iterator[_Drawn]:
    space = problem.experiment.space
    draws = _draw(problem, chunk, _CHUNK)
    if chunk == 0 and problem.phase is not Phase.RANDOM:
        # Bounds are often drawn around a value that is known to work.
        middle = spread(unit_priors(space.parameters), np.full((1, draws.shape[1]), 0.5))[0]
        yield _Drawn(point_at(space, middle), _method(problem, "centre"))
        draws = draws[1:]
    for units in draws:
        yield _Drawn(point_at(space, units), _method(problem))


def _constrained_chunk(problem: Problem, bounded: Region, chunk: int) -> Iterator[_Drawn]:
    """Yield a chunk of points: draws that are feasible, and if those are few, a walk's."""
    space = problem.experiment.space
    for amount in _DRAWS:
        draws = _draw(problem, chunk, amount)
        held = bounded.system.holds(_places(space, bounded, draws))
        if held.sum() >= _CHUNK or (amount > _DRAWS[0] and not held.any()):
            break
    accepted = draws[held][:_CHUNK]
    for units in accepted:
        yield _Drawn(point_at(space, units), _method(problem))
    missing = _CHUNK - len(accepted)
    if missing:
        yield from _walk(problem, bounded, chunk, draws[~held][:missing])


def _walk(problem: Problem, bounded: Region, chunk: int, draws: Array) -> Iterator[_Drawn]:
    """Yield points whose constrained parameters are drawn inside, the others from draws."""
    space = problem.experiment.space
    random = np.random.default_rng((problem.seed, 1, chunk))
    priors = unit_priors(bounded.parameters)
    weigh = partial(log_density, priors) if priors else None
    places: Array
    if (every := listed(space)) is not None and len(every):
        places, method = every[random.integers(len(every), size=len(draws))], "listed"
    elif bounded.whole.any():
        places, method = mixed(bounded, random, len(draws), weigh), "hit-and-run"
    else:
        places, method = np.empty((0, len(bounded.parameters))), "hit-and-run"
    inside = None
    if len(places) < len(draws) and (inside := interior(space)) is not None:
        missing = len(draws) - len(places)
        places = np.vstack([places, hit_and_run(inside, random, missing, weigh)])
    for units, place in zip(draws, places, strict=False):
        point = {**point_at(space, units), **bounded.point(bounded.values(place))}
        yield _Drawn(point, _method(problem, method), inside)
    for units in draws[len(places) :]:
        yield _Drawn(point_at(space, units), _method(problem))


def _places(space: SearchSpace, bounded: Region, draws: Array) -> Array:
    """Return where in the region the draws lie: whole numbers lie where their values do."""
    column = {each.name: index for index, each in enumerate(space.parameters)}
    places = draws[:, [column[each.name] for each in bounded.parameters]]
    for index, parameter in enumerate(bounded.parameters):
        if isinstance(parameter, IntParameter):
            steps = parameter.high - parameter.low
            places[:, index] = np.floor(places[:, index] * (steps + 1)) / steps
    return places


def _method(problem: Problem, walk: str = "") -> str:
    method = walk or ("uniform" if problem.phase is Phase.RANDOM else "scrambled Sobol")
    return f"{method}, by prior" if unit_priors(problem.experiment.space.parameters) else method


def _draw(problem: Problem, chunk: int, amount: int) -> Array:
    """Return places in the unit cube, one a row; more of them begin with the same."""
    parameters = problem.experiment.space.parameters
    return spread(unit_priors(parameters), _draw_evenly(problem, chunk, amount, len(parameters)))


def _draw_evenly(problem: Problem, chunk: int, amount: int, dimensions: int) -> Array:
    if problem.phase is Phase.RANDOM:
        random = np.random.default_rng((problem.seed, 0, chunk))
        return random.random((amount, dimensions))
    if problem.experiment.space.constraints:
        # Each chunk has a sequence of its own: nobody knows where in a single one it begins.
        return sobol((problem.seed, chunk), 0, amount, dimensions)
    return sobol((problem.seed,), chunk * _CHUNK, amount, dimensions)
