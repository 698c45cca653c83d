"""Several solutions: the best of each region of the search space that has one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.distance import Place, distance, place
from nextpoint_service.domain.search_space import SearchSpace

_APART = 0.15
_MOST = 1000
"""How many of the best are looked at; comparing each with each of more takes too long."""


def apart(space: SearchSpace, count: int) -> float:
    """Return how far solutions are apart at least: 0.15, or less where so many have no room.

    The room is the half of the edge of a cube of which `count` fill the space.
    """
    edge: float = count ** (-1.0 / len(space.parameters))
    return min(_APART, 0.5 * edge)


def solutions(space: SearchSpace, count: int, ranked: Sequence[Assignments]) -> list[int]:
    """Return the indexes of at most `count` points that no better one is near, the best first.

    `ranked` are all points that may be best, the best first. A point that has a better one nearer
    than `apart` is no solution: it is on the slope of that one. How many points there are on the
    first hills, where a search looks most, says nothing of the others.
    """
    return list(islice(_tops(space, ranked[:_MOST], apart(space, count)), count))


def _tops(space: SearchSpace, ranked: Iterable[Assignments], least: float) -> Iterator[int]:
    before: list[Place] = []
    for index, point in enumerate(ranked):
        here = place(space, point)
        if all(distance(here, other) >= least for other in before):
            yield index
        before.append(here)
