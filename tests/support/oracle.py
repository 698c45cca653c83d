"""Judges points by the definition as its caller wrote it, apart from how the service does."""

import math
from collections.abc import Mapping

from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.constraint_rules import ConstraintDraft
from nextpoint_service.domain.definition import ExperimentDraft
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.tasks import Task

_ROUNDING = 1e-9
"""How far, relative to its largest term, a sum may miss its threshold by rounding."""

Point = Mapping[str, Value]


def faults(draft: ExperimentDraft, point: Point) -> list[str]:
    """Return how the point breaks the definition; nothing when it does not."""
    switches = [
        ParameterDraft(each.name, "categorical", categorical_values=each.values)
        for each in draft.conditionals
    ]
    there = [each for each in draft.parameters if _is_there(each, point)]
    named = {each.name: each for each in [*switches, *there]}
    found = [f"'{name}' is no parameter" for name in point.keys() - named.keys()]
    found += [f"'{name}' is missing" for name in named.keys() - point.keys()]
    for name in named.keys() & point.keys():
        if not _fits(named[name], point[name]):
            found.append(f"'{name}' cannot be {point[name]!r}")
    if not found:
        found += [f"{each} does not hold" for each in draft.constraints if not _holds(each, point)]
    return found


def _is_there(parameter: ParameterDraft, point: Point) -> bool:
    return all(point.get(each.name) in each.values for each in parameter.conditions)


def task_faults(draft: ExperimentDraft, task: Task | None) -> list[str]:
    """Return how a task breaks the definition; nothing when it does not."""
    defined = {(each.name, each.cost) for each in draft.tasks}
    if task is None:
        return ["the task is missing"] if defined else []
    return [] if (task.name, task.cost) in defined else [f"{task} is no task"]


def _fits(parameter: ParameterDraft, value: Value) -> bool:
    match parameter.type:
        case "categorical":
            return isinstance(value, str) and value in parameter.categorical_values
        case "bool":
            return isinstance(value, bool)
        case "int":
            return type(value) is int and _within(parameter, value)
        case "double":
            return type(value) is float and math.isfinite(value) and _within(parameter, value)
    raise AssertionError(parameter)


def _within(parameter: ParameterDraft, value: float) -> bool:
    if parameter.grid:
        return value in parameter.grid
    low, high = parameter.bounds or (None, None)
    return low is not None and high is not None and low <= value <= high


def _holds(constraint: ConstraintDraft, point: Point) -> bool:
    products = [(each.weight or 0.0) * float(point[each.name]) for each in constraint.terms]
    threshold = constraint.threshold or 0.0
    excess = math.fsum([*products, -threshold])
    slack = _ROUNDING * max(map(abs, [*products, threshold]))
    match constraint.comparison:
        case Comparison.LESS_THAN:
            return excess <= slack
        case Comparison.GREATER_THAN:
            return -excess <= slack
        case Comparison.EQUAL:
            return abs(excess) <= slack
    raise AssertionError(constraint)
