"""What a caller may change of the parameters of an experiment."""

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from nextpoint_service.domain.conditional_rules import check_coverage
from nextpoint_service.domain.experiment import Experiment, ExperimentType
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.parameter_rules import ParameterDraft, parse_parameters
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    Parameter,
    SearchSpace,
)
from nextpoint_service.domain.unsaid import UNSAID
from nextpoint_service.domain.violations import Violations


def change_space(
    experiment: Experiment,
    drafts: Sequence[ParameterDraft],
    violations: Violations,
    limits: Limits,
) -> SearchSpace:
    """Return the space with these parameters, all of them; what is wrong is noted.

    A parameter that is there keeps its type and its scale. One that is added needs a default: what
    observations made before are taken to have had. One that is in a linear constraint stays as it
    is, so that the constraints go on to leave the points that they left.
    """
    space = experiment.space
    if experiment.type is ExperimentType.GRID:
        violations.add(
            "parameters",
            "cannot be changed in an experiment of type grid: its cells are counted, and some may"
            " have been handed out",
        )
        return space
    before = {each.name: each for each in space.parameters}
    switches = {each.name for each in space.conditionals}
    drafts = [_as_written(each) for each in drafts]
    parameters = parse_parameters(
        drafts,
        violations,
        limits,
        grid_type=False,
        conditionals=space.conditionals,
        before=before,
    )
    parsed = {each.name: each for each in parameters}
    for index, draft in enumerate(drafts[: limits.parameters]):
        found = Violations()
        if draft.name in switches:
            found.add("name", f"'{draft.name}' is the name of a conditional")
        if (there := before.get(draft.name)) is None:
            _check_added(draft, found)
        elif not _changes_type(draft, there, found):
            _check_scale(draft, there, found)
            _check_frozen(space, draft, there, parsed.get(draft.name), found)
        violations.extend(found, f"parameters[{index}].")
    names = {each.name for each in drafts}
    for name in [each.name for each in space.parameters if each.name not in names]:
        if (constraint := _constraint_of(space, name)) is not None:
            violations.add("parameters", f"has no '{name}', which is in {constraint}")
    changed = replace(space, parameters=parameters)
    if not violations:
        check_coverage(changed, violations, limits)
    return changed


def _as_written(draft: ParameterDraft) -> ParameterDraft:
    """Return a draft without the bounds that a grid has when it is read."""
    if draft.grid and draft.bounds == (min(draft.grid), max(draft.grid)):
        return replace(draft, bounds=None)
    return draft


def _check_added(draft: ParameterDraft, found: Violations) -> None:
    if draft.default is UNSAID:
        found.add(
            "default_value",
            "is required for a parameter that is added: observations made before are taken to have"
            " had it",
        )


def _changes_type(draft: ParameterDraft, before: Parameter, found: Violations) -> bool:
    type_ = _type(before)
    # A type that is not known is noted where drafts are parsed.
    if draft.type is not None and draft.type != type_:
        found.add("type", f"cannot be changed from {type_}; add a parameter of another name")
    return draft.type != type_


def _check_scale(draft: ParameterDraft, before: Parameter, found: Violations) -> None:
    match before:
        case DoubleParameter(log=log) | IntParameter(log=log):
            if draft.log is not None and draft.log != log:
                scale = "logarithmic" if log else "linear"
                found.add("transformation", f"cannot be changed: the scale is {scale}")
        case CategoricalParameter() | BoolParameter():
            pass
        case _:
            assert_never(before)


def _check_frozen(
    space: SearchSpace,
    draft: ParameterDraft,
    before: Parameter,
    after: Parameter | None,
    found: Violations,
) -> None:
    constraint = _constraint_of(space, before.name)
    if constraint is None or not isinstance(before, DoubleParameter | IntParameter):
        return
    reason = f"cannot be changed: '{before.name}' is in {constraint}"
    if draft.grid:
        found.add("grid", reason)
    elif draft.bounds is not None and draft.bounds != (before.low, before.high):
        found.add("bounds", reason)
    if (
        isinstance(before, DoubleParameter)
        and isinstance(after, DoubleParameter)
        and after.prior != before.prior
    ):
        found.add("prior", reason)


def _constraint_of(space: SearchSpace, name: str) -> str | None:
    """Return the path of the first linear constraint on the parameter; None without one."""
    for index, constraint in enumerate(space.constraints):
        if any(term.name == name for term in constraint.terms):
            return f"linear_constraints[{index}]"
    return None


def _type(parameter: Parameter) -> str:
    match parameter:
        case DoubleParameter():
            return "double"
        case IntParameter():
            return "int"
        case CategoricalParameter():
            return "categorical"
        case BoolParameter():
            return "bool"
        case _:
            assert_never(parameter)
