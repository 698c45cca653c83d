"""Conditionals for what makes points: a flat space, in which every parameter is always there.

Each conditional is one more categorical parameter. A parameter whose conditions do not hold rests
at the middle of its range: points that differ nowhere else are one and the same, and a model learns
across branches what they have in common. Outside, points have no such values.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from nextpoint_service.application.optimizer_port import Problem, Studied
from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.conditionals import hold
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import Parameter, SearchSpace
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.axes import at

T = TypeVar("T", Problem, Studied)


def flattened(problem: Problem) -> Problem:
    """Return the problem in the flat space; without conditionals as it is."""
    flat = _in_flat_space(problem)
    if flat is problem:
        return problem
    space = flat.experiment.space
    return replace(flat, pending=tuple(rested(space, each) for each in flat.pending))


def flattened_study(studied: Studied) -> Studied:
    """Return what is studied in the flat space; without conditionals as it is."""
    return _in_flat_space(studied)


def pruned(space: SearchSpace, proposals: Sequence[Proposal]) -> Sequence[Proposal]:
    """Return the proposals of a flat space as points of the space that it was made of."""
    if not space.conditionals:
        return proposals
    return [replace(each, assignments=_pruned(space, each.assignments)) for each in proposals]


def rested(flat: SearchSpace, point: Assignments) -> dict[str, Value]:
    """Return the point with every parameter at rest whose conditions do not hold."""
    values = dict(point)
    for parameter in flat.parameters:
        if parameter.conditions and not hold(parameter.conditions, point):
            values[parameter.name] = rest(parameter)
    return values


def rest(parameter: Parameter) -> Value:
    """Return the value of a parameter that is not there."""
    return at(parameter, 0.5)


def _in_flat_space(asked: T) -> T:
    space = asked.experiment.space
    if not space.conditionals:
        return asked
    flat = _flat(space)
    return replace(
        asked,
        experiment=replace(asked.experiment, space=flat),
        observations=_rested(flat, asked.observations),
    )


def _flat(space: SearchSpace) -> SearchSpace:
    return SearchSpace((*space.switches, *space.parameters), space.constraints)


def _pruned(space: SearchSpace, point: Assignments) -> dict[str, Value]:
    return {each.name: point[each.name] for each in space.members(point)}


def _rested(flat: SearchSpace, observations: Sequence[Observation]) -> tuple[Observation, ...]:
    return tuple(replace(each, assignments=rested(flat, each.assignments)) for each in observations)
