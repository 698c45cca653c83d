"""What a caller may define as an experiment, and change of it later."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from nextpoint_service.domain.conditional_rules import check_coverage, parse_conditionals
from nextpoint_service.domain.conditionals import Conditional
from nextpoint_service.domain.constraint_rules import ConstraintDraft, parse_constraints
from nextpoint_service.domain.engine_rules import check_engine
from nextpoint_service.domain.experiment import (
    Engine,
    Experiment,
    ExperimentState,
    ExperimentType,
    Metadata,
)
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metadata_rules import check_metadata, check_tags
from nextpoint_service.domain.metric_change import MetricChange, change_metrics
from nextpoint_service.domain.metric_rules import MetricDraft, parse_metrics
from nextpoint_service.domain.parameter_change import change_space
from nextpoint_service.domain.parameter_rules import ParameterDraft, parse_parameters
from nextpoint_service.domain.search_space import SearchSpace, cell_count
from nextpoint_service.domain.solution_rules import check_room, check_solutions
from nextpoint_service.domain.task_rules import TaskDraft, check_tasks, parse_tasks
from nextpoint_service.domain.violations import Violations

_PROJECT = re.compile(r"[a-z0-9\-_.]+")

CHANGEABLE = (
    "name",
    "project",
    "budget",
    "parallel_bandwidth",
    "metadata",
    "tags",
    "metrics",
    "parameters",
)
"""The fields of an experiment that can be changed, as update masks name them."""


@dataclass(frozen=True, slots=True)
class ExperimentDraft:
    """An experiment as a caller wrote it; None and empty mean absent.

    A type or engine that is not known is None.
    """

    name: str
    parameters: tuple[ParameterDraft, ...]
    metrics: tuple[MetricDraft, ...]
    constraints: tuple[ConstraintDraft, ...] = ()
    project: str = ""
    type: ExperimentType | None = ExperimentType.OPTIMIZED
    budget: int | None = None
    parallel_bandwidth: int | None = None
    num_solutions: int | None = None
    engine: Engine | None = Engine.AUTO
    conditionals: tuple[Conditional, ...] = ()
    tasks: tuple[TaskDraft, ...] = ()
    metadata: Metadata | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentChange:
    """New values for the fields that `fields` names; the others are ignored."""

    fields: frozenset[str]
    name: str = ""
    project: str = ""
    budget: int | None = None
    parallel_bandwidth: int | None = None
    metadata: Metadata | None = None
    tags: tuple[str, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    parameters: tuple[ParameterDraft, ...] = ()


def define(draft: ExperimentDraft, limits: Limits, experiment_id: str, at: datetime) -> Experiment:
    """Return the experiment that the draft describes, or raise InvalidRequest with all faults.

    Whether several linear constraints leave any point together is not looked at here.
    """
    violations = Violations()
    if draft.type is None:
        violations.add("type", "must be optimized, random or grid")
    grid_type = draft.type is ExperimentType.GRID
    names = {each.name for each in draft.parameters}
    conditionals = parse_conditionals(draft.conditionals, names, violations, limits)
    if grid_type and conditionals:
        violations.add("conditionals", "are not for type grid, whose cells are counted")
    parameters = parse_parameters(
        draft.parameters, violations, limits, grid_type=grid_type, conditionals=conditionals
    )
    constraints = parse_constraints(
        draft.constraints, draft.parameters, parameters, violations, limits
    )
    space = SearchSpace(parameters, constraints, conditionals)
    if not violations:
        check_coverage(space, violations, limits)
    metrics = parse_metrics(draft.metrics, violations, limits)
    budget = draft.budget
    if grid_type and len(parameters) == len(draft.parameters) > 0:
        budget = _grid_budget(space, budget, violations, limits)
    experiment = Experiment(
        experiment_id=experiment_id,
        name=draft.name,
        project=draft.project,
        type=draft.type or ExperimentType.OPTIMIZED,
        space=space,
        metrics=metrics,
        budget=budget,
        parallel_bandwidth=draft.parallel_bandwidth,
        metadata=dict(draft.metadata or {}),
        tags=draft.tags,
        state=ExperimentState.ACTIVE,
        revision=1,
        created=at,
        updated=at,
        num_solutions=1 if draft.num_solutions is None else draft.num_solutions,
        engine=draft.engine or Engine.AUTO,
        tasks=parse_tasks(draft.tasks, violations, limits),
    )
    check_solutions(experiment, violations, limits)
    check_engine(experiment, draft.engine, violations)
    check_tasks(experiment, violations)
    _check_changeable(experiment, frozenset(CHANGEABLE), violations, limits)
    violations.check()
    return replace(experiment, tags=tuple(sorted(experiment.tags)))


def change(
    experiment: Experiment, change: ExperimentChange, limits: Limits, at: datetime
) -> Experiment:
    """Return the experiment with the named fields changed, or raise InvalidRequest."""
    violations = Violations()
    violations.check_update_mask(change.fields, CHANGEABLE)
    if "budget" in change.fields and experiment.type is ExperimentType.GRID:
        violations.add("budget", "cannot be changed: it is the number of cells of the grid")
    fields = change.fields.intersection(CHANGEABLE)
    new = {name: getattr(change, name) for name in fields - {"parameters"}}
    if "metadata" in new:
        new["metadata"] = dict(change.metadata or {})
    if "metrics" in new:
        new["metrics"] = change_metrics(experiment.metrics, change.metrics, violations)
    if "parameters" in fields:
        new["space"] = change_space(experiment, change.parameters, violations, limits)
    changed = replace(experiment, **new, updated=at)
    _check_changeable(changed, fields, violations, limits)
    if "budget" in fields:
        check_room(changed, violations)
    violations.check()
    stale = (changed.metrics, changed.space) != (experiment.metrics, experiment.space)
    return replace(
        changed,
        tags=tuple(sorted(changed.tags)),
        # A point that was made before looks for something else, or elsewhere.
        revision=experiment.revision + stale,
    )


def _check_changeable(
    experiment: Experiment, fields: frozenset[str], violations: Violations, limits: Limits
) -> None:
    if "name" in fields:
        violations.check_name("name", experiment.name, limits.name_characters)
    if "project" in fields and experiment.project:
        _check_project(experiment.project, violations, limits)
    if "budget" in fields:
        _check_budget(experiment, violations, limits)
    if "parallel_bandwidth" in fields and experiment.parallel_bandwidth is not None:
        violations.check_range(
            "parallel_bandwidth", experiment.parallel_bandwidth, 1, limits.parallel_bandwidth
        )
    if "metadata" in fields:
        check_metadata(experiment.metadata, violations, limits)
    if "tags" in fields:
        check_tags(experiment.tags, violations, limits)


def _check_project(project: str, violations: Violations, limits: Limits) -> None:
    if len(project) > limits.project_characters or not _PROJECT.fullmatch(project):
        most = limits.project_characters
        violations.add(
            "project", f"must be 1 to {most} characters of a to z, 0 to 9, '-', '_' and '.'"
        )


def _check_budget(experiment: Experiment, violations: Violations, limits: Limits) -> None:
    if experiment.budget is not None:
        if experiment.type is not ExperimentType.GRID:
            violations.check_range("budget", experiment.budget, 1, limits.budget)
        return
    if experiment.type is ExperimentType.GRID:
        return
    if len(experiment.optimized) > 1:
        violations.add("budget", "is required with several optimized metrics")
    elif experiment.num_solutions > 1:
        violations.add("budget", "is required with several solutions")
    elif experiment.tasks:
        violations.add("budget", "is required with tasks")
    elif experiment.constrained:
        violations.add("budget", "is required with a metric of strategy constraint")


def _grid_budget(
    space: SearchSpace, budget: int | None, violations: Violations, limits: Limits
) -> int:
    cells = cell_count(space)
    if cells > limits.grid_cells:
        # A hundred parameters make numbers that nobody wants to read in full.
        got = str(cells) if cells < 10**15 else f"about 10^{len(str(cells)) - 1}"
        violations.add(
            "parameters", f"the grid must have at most {limits.grid_cells} cells, got {got}"
        )
    elif budget is not None and budget != cells:
        violations.add(
            "budget", f"must be absent or the number of cells of the grid, {cells}, got {budget}"
        )
    return cells
