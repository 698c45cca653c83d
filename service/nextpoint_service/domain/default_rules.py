"""What a caller may define as the default of a parameter."""

from dataclasses import replace

from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.search_space import (
    DoubleParameter,
    IntParameter,
    Parameter,
    range_problem,
    type_problem,
)
from nextpoint_service.domain.unsaid import UNSAID, Unsaid
from nextpoint_service.domain.violations import Violations


def with_default(
    parameter: Parameter,
    default: Value | Unsaid | None,
    before: Parameter | None,
    found: Violations,
) -> Parameter:
    """Return the parameter with its default; what is wrong is noted.

    What is unsaid stays as it was `before`. One that stays may lie outside of new bounds, as the
    observations may that it stands for. None is a default without a value.
    """
    kept = before.default if before is not None and type(before) is type(parameter) else None
    if default is UNSAID:
        default = kept
    elif default is None:
        found.add("default_value", "has no value")
    if default is None:
        return parameter
    problem = type_problem(parameter, default)
    if problem is None and (default != kept or _has_grid(parameter)):
        problem = range_problem(parameter, default)
    if problem is not None:
        found.add("default_value", problem)
        return parameter
    return replace(parameter, default=default)  # type: ignore[arg-type]  # of the type checked above


def _has_grid(parameter: Parameter) -> bool:
    return isinstance(parameter, DoubleParameter | IntParameter) and bool(parameter.grid)
