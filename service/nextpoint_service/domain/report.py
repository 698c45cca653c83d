"""What a caller may report as the outcome of an evaluation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.experiment import Experiment, ExperimentType, Metadata
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metadata_rules import check_metadata
from nextpoint_service.domain.observation import Measurement, Values
from nextpoint_service.domain.search_space import SearchSpace, range_problem, type_problem
from nextpoint_service.domain.task_rules import check_task
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class ValueDraft:
    """The value of one metric as a caller wrote it."""

    name: str
    value: float | None
    stddev: float | None = None


@dataclass(frozen=True, slots=True)
class ObservationDraft:
    """An outcome as a caller wrote it; exactly one of suggestion and assignments is given.

    An assignment is None when it came without a value. `task` is the name of one, or empty.
    """

    suggestion_id: str = ""
    assignments: Mapping[str, Value | None] | None = None
    values: tuple[ValueDraft, ...] = ()
    failed: bool = False
    metadata: Metadata | None = None
    task: str = ""


def check_observation(
    experiment: Experiment, draft: ObservationDraft, violations: Violations, limits: Limits
) -> None:
    """Note what is wrong with an outcome, apart from whether its suggestion is there."""
    if bool(draft.suggestion_id) == bool(draft.assignments):
        violations.add("suggestion_id", "exactly one of a suggestion and assignments is required")
    elif draft.assignments:
        inside = experiment.type is ExperimentType.GRID
        check_assignments(experiment.space, draft.assignments, violations, inside=inside)
        check_task(experiment, draft.task, violations)
    elif draft.task:
        violations.add("task", "must be absent: the suggestion says its own")
    if draft.failed and draft.values:
        violations.add("values", "must be absent when the evaluation failed")
    elif not draft.failed:
        check_values(experiment, draft.values, violations)
    check_metadata(draft.metadata or {}, violations, limits)


def check_assignments(
    space: SearchSpace,
    assignments: Mapping[str, Value | None],
    violations: Violations,
    *,
    inside: bool,
) -> None:
    """Note missing, unknown and mistyped assignments, and, if asked, those outside the space."""
    members = space.members(assignments)
    _check_no_others(space, {each.name for each in members}, assignments, violations)
    clean = True
    for parameter in members:
        path = f"assignments[{parameter.name!r}]"
        if parameter.name not in assignments:
            violations.add(path, "is required")
            clean = False
            continue
        value = assignments[parameter.name]
        problem = "has no value" if value is None else type_problem(parameter, value)
        if problem is None and value is not None and inside:
            problem = range_problem(parameter, value)
        if problem:
            violations.add(path, problem)
            clean = False
    if not (inside and clean):
        return
    point = given(assignments)
    for index, constraint in enumerate(space.constraints):
        if not constraint.holds(point):
            violations.add("assignments", f"violate linear_constraints[{index}]")


def _check_no_others(
    space: SearchSpace,
    names: set[str],
    assignments: Mapping[str, Value | None],
    violations: Violations,
) -> None:
    """Note assignments that a point does not have, which are those of other names."""
    conditioned = {each.name for each in space.parameters} - names
    # Without a value of each conditional nobody knows which parameters there should be.
    known = all(assignments.get(each.name) in each.values for each in space.conditionals)
    for name in sorted(assignments.keys() - names):
        if name not in conditioned:
            violations.add(f"assignments[{name!r}]", "there is no such parameter")
        elif known:
            violations.add(
                f"assignments[{name!r}]", "must be absent where its conditions do not hold"
            )


def given(assignments: Mapping[str, Value | None]) -> Assignments:
    """Return the assignments that have a value."""
    return {name: value for name, value in assignments.items() if value is not None}


def check_values(
    experiment: Experiment, drafts: tuple[ValueDraft, ...], violations: Violations
) -> None:
    """Note what is wrong with values: there has to be one for every metric."""
    names = {metric.name for metric in experiment.metrics}
    check_measurements(drafts, violations)
    for index, draft in enumerate(drafts):
        if draft.name and draft.name not in names:
            violations.add(
                f"values[{index}].name", f"'{draft.name}' is not a metric of the experiment"
            )
    given_names = {draft.name for draft in drafts}
    for metric in experiment.metrics:
        if metric.name not in given_names:
            violations.add("values", f"has no value for metric '{metric.name}'")


def check_measurements(drafts: tuple[ValueDraft, ...], violations: Violations) -> None:
    """Note names that are empty or twice there, and numbers that are none."""
    seen: set[str] = set()
    for index, draft in enumerate(drafts):
        path = f"values[{index}]"
        if not draft.name:
            violations.add(f"{path}.name", "is required")
        elif draft.name in seen:
            violations.add(f"{path}.name", f"'{draft.name}' is there already")
        seen.add(draft.name)
        if draft.value is None:
            violations.add(f"{path}.value", "is required")
        elif not math.isfinite(draft.value):
            violations.add(
                f"{path}.value",
                f"must be a finite number, got {draft.value} for '{draft.name}';"
                " an evaluation without one is reported as failed",
            )
        if draft.stddev is not None and not (math.isfinite(draft.stddev) and draft.stddev >= 0):
            violations.add(
                f"{path}.value_stddev", f"must be finite and at least 0, got {draft.stddev}"
            )


def measured(experiment: Experiment, drafts: tuple[ValueDraft, ...]) -> Values:
    """Return checked values in the order of the experiment's metrics."""
    by_name = measurements(drafts)
    return {each.name: by_name[each.name] for each in experiment.metrics if each.name in by_name}


def measurements(drafts: tuple[ValueDraft, ...]) -> dict[str, Measurement]:
    """Return checked values by name."""
    return {
        draft.name: Measurement(draft.value, draft.stddev)
        for draft in drafts
        if draft.value is not None
    }
