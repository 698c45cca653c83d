"""What a caller may define as parameters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextpoint_service.domain.assignments import LARGEST_INT, Value
from nextpoint_service.domain.conditional_rules import with_conditions
from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.default_rules import with_default
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.prior_rules import PriorDraft, parse_prior
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    Parameter,
    Prior,
)
from nextpoint_service.domain.unsaid import UNSAID, Unsaid
from nextpoint_service.domain.violations import Violations

_TOO_WIDE = "must not be further apart than the largest number"


@dataclass(frozen=True, slots=True)
class ParameterDraft:
    """A parameter as a caller wrote it; None and empty mean absent.

    `type` is None when it was not said or is not known, `log` when the transformation is not known,
    `default` when it has no value.
    """

    name: str
    type: str | None
    bounds: tuple[float | None, float | None] | None = None
    grid: tuple[float, ...] = ()
    log: bool | None = False
    categorical_values: tuple[str, ...] = ()
    ordered: bool = False
    prior: PriorDraft | None = None
    default: Value | Unsaid | None = UNSAID
    conditions: tuple[Condition, ...] = ()


def parse_parameters(
    drafts: Sequence[ParameterDraft],
    violations: Violations,
    limits: Limits,
    *,
    grid_type: bool,
    conditionals: Sequence[Conditional] = (),
    before: Mapping[str, Parameter] | None = None,
) -> tuple[Parameter, ...]:
    """Return the parameters; what is wrong is noted, and a parameter with a fault left out.

    `conditionals` are those that conditions may name. `before` are the parameters, by name, that
    there were until now: what is unsaid of default and conditions stays.
    """
    if not drafts:
        violations.add("parameters", "must have at least one parameter")
    if len(drafts) > limits.parameters:
        violations.add("parameters", f"must have at most {limits.parameters}, got {len(drafts)}")
        return ()
    seen: set[str] = set()
    parameters = []
    for index, draft in enumerate(drafts):
        path = f"parameters[{index}]"
        found = Violations()
        found.check_name("name", draft.name, limits.name_characters)
        if draft.name and draft.name in seen:
            found.add("name", f"'{draft.name}' is the name of another parameter")
        seen.add(draft.name)
        if draft.log is None:
            found.add("transformation", "must be log or absent")
        parameter = _parse_parameter(draft, found, limits, grid_type=grid_type)
        if parameter is not None:
            there = (before or {}).get(draft.name)
            parameter = with_default(parameter, draft.default, there, found)
            parameter = with_conditions(parameter, draft.conditions, conditionals, there, found)
        violations.extend(found, f"{path}.")
        if parameter is not None and not found:
            parameters.append(parameter)
    return tuple(parameters)


def _parse_parameter(
    draft: ParameterDraft, found: Violations, limits: Limits, *, grid_type: bool
) -> Parameter | None:
    match draft.type:
        case "double" | "int":
            if draft.categorical_values:
                found.add("categorical_values", f"is not for type {draft.type}")
            if draft.ordered:
                found.add("ordered", f"is not for type {draft.type}")
            return _parse_numeric(draft, found, limits, grid_type=grid_type)
        case "categorical":
            _refuse_numeric_fields(draft, found)
            found.check_strings(
                "categorical_values",
                draft.categorical_values,
                limits.categorical_values,
                limits.name_characters,
            )
            return CategoricalParameter(draft.name, draft.categorical_values, draft.ordered)
        case "bool":
            _refuse_numeric_fields(draft, found)
            if draft.categorical_values:
                found.add("categorical_values", "is not for type bool")
            if draft.ordered:
                found.add("ordered", "is not for type bool")
            return BoolParameter(draft.name)
        case _:
            found.add("type", "must be double, int, categorical or bool")
            return None


def _refuse_numeric_fields(draft: ParameterDraft, found: Violations) -> None:
    for name, present in (
        ("bounds", draft.bounds is not None),
        ("grid", bool(draft.grid)),
        ("transformation", bool(draft.log)),
        ("prior", draft.prior is not None),
    ):
        if present:
            found.add(name, f"is not for type {draft.type}")


def _parse_numeric(
    draft: ParameterDraft, found: Violations, limits: Limits, *, grid_type: bool
) -> Parameter | None:
    whole = draft.type == "int"
    if draft.prior is not None and (reason := _no_prior_because(draft)):
        found.add("prior", reason)
    if draft.grid:
        if draft.bounds is not None:
            found.add("bounds", "cannot be given together with a grid")
        _check_grid(draft.grid, found, limits, whole=whole, log=bool(draft.log))
        if found:
            return None
        grid = tuple(sorted(draft.grid))
        return _numeric(draft, grid[0], grid[-1], grid, whole=whole)
    if grid_type:
        found.add("grid", "is required in an experiment of type grid")
    if draft.bounds is None:
        if not grid_type:
            found.add("bounds", "is required, or a grid")
        return None
    low, high = draft.bounds
    _check_bounds(low, high, found, limits, whole=whole, log=bool(draft.log))
    if found or low is None or high is None:
        return None
    prior = None if draft.prior is None else parse_prior(draft.prior, low, high, found, limits)
    return _numeric(draft, low, high, (), prior, whole=whole)


def _no_prior_because(draft: ParameterDraft) -> str:
    if draft.type != "double":
        return f"is not for type {draft.type}"
    if draft.grid:
        return "cannot be given together with a grid"
    return "cannot be given together with a logarithmic transformation" if draft.log else ""


def _numeric(
    draft: ParameterDraft,
    low: float,
    high: float,
    grid: tuple[float, ...],
    prior: Prior | None = None,
    *,
    whole: bool,
) -> Parameter:
    if whole:
        values = tuple(int(value) for value in grid)
        return IntParameter(draft.name, int(low), int(high), bool(draft.log), values)
    return DoubleParameter(draft.name, low, high, bool(draft.log), grid, prior)


def _number_problem(value: float, *, whole: bool, log: bool) -> str | None:
    if not math.isfinite(value):
        return f"must be a finite number, got {value}"
    if whole and value != int(value):
        return f"must be a whole number, got {value}"
    if whole and abs(value) > LARGEST_INT:
        return f"must be from -2^53 to 2^53, got {value}"
    if log and value <= 0:
        return f"must be above 0 on a logarithmic scale, got {value:g}"
    return None


def _check_grid(
    grid: tuple[float, ...], found: Violations, limits: Limits, *, whole: bool, log: bool
) -> None:
    if len(grid) < 2:
        found.add("grid", f"must have at least 2 values, got {len(grid)}")
    if len(grid) > limits.grid_values:
        found.add("grid", f"must have at most {limits.grid_values} values, got {len(grid)}")
        return
    seen: set[float] = set()
    for index, value in enumerate(grid):
        if problem := _number_problem(value, whole=whole, log=log):
            found.add(f"grid[{index}]", problem)
        elif value in seen:
            found.add(f"grid[{index}]", f"{value} is there already")
        seen.add(value)
    if math.isinf(max(grid) - min(grid)) and all(math.isfinite(value) for value in grid):
        found.add("grid", _TOO_WIDE)


def _check_bounds(
    low: float | None,
    high: float | None,
    found: Violations,
    limits: Limits,
    *,
    whole: bool,
    log: bool,
) -> None:
    clean = True
    for name, value in (("min", low), ("max", high)):
        problem: str | None = "is required"
        if value is not None:
            # Of a logarithmic scale the lower end is the one to mend.
            problem = _number_problem(value, whole=whole, log=log and name == "min")
        if problem:
            found.add(f"bounds.{name}", problem)
            clean = False
    if not clean or low is None or high is None:
        return
    least = 1 if whole else limits.parameter_width
    if high - low < least:
        found.add("bounds.max", f"must be above min by at least {least:g}, got {low} to {high}")
    elif math.isinf(high - low):
        found.add("bounds", _TOO_WIDE)
