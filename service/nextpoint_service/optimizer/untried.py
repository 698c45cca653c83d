"""Moves points that were tried before to others near them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import assert_never

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.assignments import Value
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.branches import rested
from nextpoint_service.optimizer.encoding import Axis, AxisKind, Encoded, decode
from nextpoint_service.optimizer.feasibility import SECONDS
from nextpoint_service.optimizer.linear_system import region
from nextpoint_service.optimizer.sequence import feasible_near

NEIGHBOURS = 40
KNOWN = "the model proposed only points that had been tried before"


def untried(
    problem: Problem,
    axes: tuple[Axis, ...],
    places: Sequence[Encoded],
    seed: int,
    *,
    neighbours: int = NEIGHBOURS,
) -> Iterator[tuple[int, dict[str, Value]]]:
    """Yield for each place, by its index, the nearest feasible point that was never tried.

    Of so many neighbours of a place the first that nobody tried is taken, if there is one.
    """
    space = problem.experiment.space
    bounded = region(space)
    random = np.random.default_rng(seed)
    until = monotonic() + SECONDS
    taken = {key(each.assignments) for each in problem.observations}
    taken.update(key(each) for each in problem.pending)
    for index, place in enumerate(places):
        for neighbour in islice(_neighbours(axes, place, random), 1 + neighbours):
            near = feasible_near(space, bounded, decode(axes, neighbour), until=until)
            if near is not None and key(point := rested(space, near)) not in taken:
                taken.add(key(point))
                yield index, point
                break


def _neighbours(
    axes: tuple[Axis, ...], encoded: Encoded, random: np.random.Generator
) -> Iterator[Encoded]:
    """Yield the point, then others further and further away from it."""
    yield encoded
    for distance in np.geomspace(1e-3, 0.5, NEIGHBOURS):
        moved = dict(encoded)
        # At least one axis moves, so that a point of whole numbers gets neighbours too.
        always = int(random.integers(len(axes)))
        for index, axis in enumerate(axes):
            if index == always or random.random() < distance:
                moved[axis.name] = _moved(axis, encoded[axis.name], float(distance), random)
        yield moved


def _moved(axis: Axis, value: Value | None, distance: float, random: np.random.Generator) -> Value:
    match axis.kind:
        case AxisKind.CHOICE:
            return f"c{random.integers(axis.count)}"
        case AxisKind.WHOLE:
            step = max(1.0, distance * axis.count) * float(random.choice((-1.0, 1.0)))
            return float(value or 0) + step
        case AxisKind.REAL:
            return float(value or 0) + distance * float(random.standard_normal())
        case _:
            assert_never(axis.kind)
