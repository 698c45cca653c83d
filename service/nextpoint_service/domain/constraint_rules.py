"""What a caller may define as linear constraints."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.search_space import (
    DoubleParameter,
    IntParameter,
    NumericParameter,
    Parameter,
)
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class TermDraft:
    """A term as a caller wrote it."""

    name: str
    weight: float | None


@dataclass(frozen=True, slots=True)
class ConstraintDraft:
    """A linear constraint as a caller wrote it."""

    comparison: Comparison | None
    terms: tuple[TermDraft, ...] = field(default=())
    threshold: float | None = None


def parse_constraints(
    drafts: Sequence[ConstraintDraft],
    parameter_drafts: Sequence[ParameterDraft],
    parameters: Sequence[Parameter],
    violations: Violations,
    limits: Limits,
) -> tuple[LinearConstraint, ...]:
    """Return the linear constraints; what is wrong is noted, and the faulty left out.

    `parameters` are those of the drafts that are right.
    """
    if len(drafts) > limits.linear_constraints:
        violations.add(
            "linear_constraints",
            f"must have at most {limits.linear_constraints}, got {len(drafts)}",
        )
        return ()
    by_name = {draft.name: draft for draft in parameter_drafts}
    constraints = []
    for index, draft in enumerate(drafts):
        found = Violations()
        constraint = _parse_constraint(draft, by_name, found, limits)
        violations.extend(found, f"linear_constraints[{index}].")
        if constraint is not None:
            constraints.append(constraint)
            if (problem := _out_of_reach(constraint, parameters)) is not None:
                violations.add(f"linear_constraints[{index}]", problem)
    return tuple(constraints)


def _parse_constraint(
    draft: ConstraintDraft,
    by_name: dict[str, ParameterDraft],
    found: Violations,
    limits: Limits,
) -> LinearConstraint | None:
    if draft.comparison is None:
        found.add("type", "must be greater_than, less_than or equal")
    if draft.threshold is None:
        found.add("threshold", "is required")
    elif not math.isfinite(draft.threshold):
        found.add("threshold", f"must be a finite number, got {draft.threshold}")
    if not 2 <= len(draft.terms) <= limits.constraint_terms:
        hint = "; a single parameter is limited by its bounds" if len(draft.terms) == 1 else ""
        found.add("terms", f"must be 2 to {limits.constraint_terms}, got {len(draft.terms)}{hint}")
    seen: set[str] = set()
    for index, term in enumerate(draft.terms[: limits.constraint_terms]):
        _check_term(f"terms[{index}]", term, by_name.get(term.name), seen, found)
    if found or draft.comparison is None or draft.threshold is None:
        return None
    terms = tuple(Term(term.name, term.weight or 0.0) for term in draft.terms)
    largest = sum(abs(term.weight) * _largest(by_name[term.name]) for term in terms)
    if math.isinf(largest + abs(draft.threshold)):
        found.add("terms", "must not add up to more than the largest number within the bounds")
        return None
    return LinearConstraint(draft.comparison, terms, draft.threshold)


def _out_of_reach(constraint: LinearConstraint, parameters: Sequence[Parameter]) -> str | None:
    """Say why no point within the bounds satisfies this constraint, taken alone.

    That is seen at once where the bounds keep the sum from its threshold, and where whole weights
    of whole numbers have a common divisor that the threshold has not. Whether constraints leave a
    point together takes a search.
    """
    by_name = {each.name: each for each in parameters}
    members = [by_name.get(term.name) for term in constraint.terms]
    numeric = [each for each in members if isinstance(each, DoubleParameter | IntParameter)]
    if len(numeric) < len(members):
        return None  # a parameter was refused, for a reason of its own
    return _beyond_bounds(constraint, numeric) or _indivisible(constraint, numeric)


def _beyond_bounds(constraint: LinearConstraint, members: Sequence[NumericParameter]) -> str | None:
    ends = [
        (each.low, each.high) if term.weight > 0 else (each.high, each.low)
        for term, each in zip(constraint.terms, members, strict=True)
    ]
    least = {each.name: low for each, (low, _) in zip(members, ends, strict=True)}
    most = {each.name: high for each, (_, high) in zip(members, ends, strict=True)}
    below = replace(constraint, comparison=Comparison.LESS_THAN)
    above = replace(constraint, comparison=Comparison.GREATER_THAN)
    if constraint.comparison is not Comparison.GREATER_THAN and not below.holds(least):
        return f"is not satisfied within the bounds, where the sum is at least {below.sum(least):g}"
    if constraint.comparison is not Comparison.LESS_THAN and not above.holds(most):
        return f"is not satisfied within the bounds, where the sum is at most {above.sum(most):g}"
    return None


def _indivisible(constraint: LinearConstraint, members: Sequence[NumericParameter]) -> str | None:
    ends = {each.name: max(each.low, each.high, key=abs) for each in members}
    if constraint.comparison is not Comparison.EQUAL or not constraint.is_exact(ends):
        return None
    divisor = math.gcd(*(int(term.weight) for term in constraint.terms))
    if constraint.threshold % divisor == 0:
        return None
    return (
        f"is not satisfied by whole numbers, whose weighted sum is a multiple of {divisor},"
        f" and {constraint.threshold:g} is not"
    )


def _largest(parameter: ParameterDraft) -> float:
    ends = [abs(end) for end in parameter.bounds or () if end is not None and math.isfinite(end)]
    return max(ends, default=0.0)


def _check_term(
    path: str, term: TermDraft, parameter: ParameterDraft | None, seen: set[str], found: Violations
) -> None:
    if not term.name:
        found.add(f"{path}.name", "is required")
    elif parameter is None:
        found.add(f"{path}.name", f"there is no parameter '{term.name}'")
    elif parameter.type not in ("double", "int"):
        found.add(f"{path}.name", f"'{term.name}' is not of type double or int")
    elif parameter.log:
        found.add(f"{path}.name", f"'{term.name}' has a logarithmic transformation")
    elif parameter.grid:
        found.add(f"{path}.name", f"'{term.name}' has a grid")
    elif parameter.conditions:
        found.add(f"{path}.name", f"'{term.name}' has conditions, and is not always there")
    if term.name and term.name in seen:
        found.add(f"{path}.name", f"'{term.name}' is in this constraint already")
    seen.add(term.name)
    if term.weight is None:
        found.add(f"{path}.weight", "is required")
    elif not math.isfinite(term.weight) or term.weight == 0:
        found.add(f"{path}.weight", f"must be a finite number other than 0, got {term.weight:g}")
