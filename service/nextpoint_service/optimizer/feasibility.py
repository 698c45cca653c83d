"""Whether linear constraints leave any point, and which of them do not."""

from time import monotonic

import numpy as np

from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.optimizer.axes import point_at
from nextpoint_service.optimizer.linear_system import region
from nextpoint_service.optimizer.polytope import interior
from nextpoint_service.optimizer.repair import ANY, Missing, settle

SECONDS = 5.0
"""How long to look for points that satisfy linear constraints."""


def why_infeasible(space: SearchSpace, seconds: float = SECONDS) -> str | None:
    """Say why no point satisfies the linear constraints, or return None when there is a point.

    Where it is proved that there is none, the constraints are named: unless time runs out, a set
    of which none can be spared, by the deletion filter of Chinneck and Dravnieks (1991). Where
    neither a point nor a proof is found in time, only that is said.
    """
    found = any_point(space, monotonic() + seconds)
    if not isinstance(found, Missing):
        return None
    if found is Missing.NOT_FOUND:
        return f"no point that satisfies the linear constraints was found within {seconds:g} s"
    return _accusation(_guilty(space, monotonic() + seconds))


def any_point(space: SearchSpace, until: float) -> dict[str, Value] | Missing:
    """Return a point that satisfies the constraints; a flat region has points.

    Equal spaces have equal answers as long as the time, which ends on the monotonic clock at
    `until`, is enough: where an experiment was admitted there is a point.
    """
    centre = point_at(space, [0.5] * len(space.parameters))
    bounded = region(space)
    if bounded is None:
        return centre
    inside = interior(space)
    place = [0.5] * len(bounded.parameters) if inside is None else inside.centre
    values = settle(bounded, np.asarray(place), inside, until=until, gap=ANY)
    return values if isinstance(values, Missing) else {**centre, **bounded.point(values)}


def _guilty(space: SearchSpace, until: float) -> list[int]:
    """Return the indexes of constraints that leave no point, as few as time allows."""
    guilty = list(range(len(space.constraints)))
    for index in range(len(space.constraints)):
        others = [each for each in guilty if each != index]
        if monotonic() > until:
            break
        if any_point(_only(space, others), until) is Missing.PROVED:
            guilty = others
    return guilty


def _accusation(guilty: list[int]) -> str:
    names = [f"linear_constraints[{index}]" for index in guilty]
    if len(names) == 1:
        return f"no point satisfies {names[0]} within the bounds of its parameters"
    together = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"no point satisfies {together} together within the bounds of the parameters"


def _only(space: SearchSpace, kept: list[int]) -> SearchSpace:
    return SearchSpace(space.parameters, tuple(space.constraints[index] for index in kept))
