"""Whether linear constraints leave any point, and which of them do not."""

import time

from nextpoint_service.domain.search_space import LinearConstraint, SearchSpace
from nextpoint_service.optimizer.polytope import polytope
from nextpoint_service.optimizer.region import region
from nextpoint_service.optimizer.repair import settle

_SECONDS = 5.0
"""How long to look for the smallest set of constraints to name."""


def why_infeasible(space: SearchSpace) -> str | None:
    """Name the linear constraints that leave no point, or return None when there is a point.

    What is named is, unless time runs out, a set of which none can be spared: the deletion filter
    of Chinneck and Dravnieks (1991).
    """
    if leaves_a_point(space):
        return None
    until = time.monotonic() + _SECONDS
    guilty = list(range(len(space.constraints)))
    for index in range(len(space.constraints)):
        others = [each for each in guilty if each != index]
        if time.monotonic() > until:
            break
        if not leaves_a_point(_only(space, others)):
            guilty = others
    names = [f"linear_constraints[{index}]" for index in guilty]
    if len(names) == 1:
        return f"no point satisfies {names[0]} within the bounds of its parameters"
    together = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"no point satisfies {together} together within the bounds of the parameters"


def leaves_a_point(space: SearchSpace) -> bool:
    """Whether a point that satisfies the constraints is found; a flat region has points."""
    bounded = region(space)
    if bounded is None:
        return True
    inside = polytope(bounded.rows)
    return inside is not None and settle(bounded, inside.centre, inside) is not None


def _only(space: SearchSpace, kept: list[int]) -> SearchSpace:
    constraints: tuple[LinearConstraint, ...] = tuple(space.constraints[index] for index in kept)
    return SearchSpace(space.parameters, constraints)
