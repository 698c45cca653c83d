"""What a caller may define as conditionals, and as conditions of parameters."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from nextpoint_service.domain.conditionals import Condition, Conditional, hold
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.search_space import Parameter, SearchSpace
from nextpoint_service.domain.violations import Violations


def parse_conditionals(
    given: Sequence[Conditional],
    parameter_names: Collection[str],
    violations: Violations,
    limits: Limits,
) -> tuple[Conditional, ...]:
    """Return the conditionals, none where there are too many; what is wrong is noted."""
    if len(given) > limits.conditionals:
        violations.add("conditionals", f"must have at most {limits.conditionals}, got {len(given)}")
        return ()
    seen: set[str] = set()
    for index, conditional in enumerate(given):
        found = Violations()
        found.check_name("name", conditional.name, limits.name_characters)
        if conditional.name and conditional.name in seen:
            found.add("name", f"'{conditional.name}' is the name of another conditional")
        elif conditional.name in parameter_names:
            found.add("name", f"'{conditional.name}' is the name of a parameter")
        seen.add(conditional.name)
        found.check_strings(
            "values", conditional.values, limits.categorical_values, limits.name_characters
        )
        violations.extend(found, f"conditionals[{index}].")
    return tuple(given)


def with_conditions(
    parameter: Parameter,
    given: Sequence[Condition],
    conditionals: Sequence[Conditional],
    before: Parameter | None,
    found: Violations,
) -> Parameter:
    """Return the parameter with its conditions, in the order of the conditionals.

    What is wrong is noted. They stay as they were `before`, and are so where none are given.
    """
    if before is not None and not given:
        return replace(parameter, conditions=before.conditions)
    by_name = {each.name: each for each in conditionals}
    known: dict[str, Condition] = {}
    for index, condition in enumerate(given):
        path = f"conditions[{index}]"
        conditional = by_name.get(condition.name)
        if conditional is None:
            problem = (
                f"there is no conditional '{condition.name}'" if condition.name else "is required"
            )
            found.add(f"{path}.name", problem)
            continue
        if condition.name in known:
            found.add(f"{path}.name", f"'{condition.name}' has a condition already")
        _check_values(condition.values, conditional, path, found)
        values = tuple(each for each in conditional.values if each in condition.values)
        known[condition.name] = Condition(condition.name, values)
    conditions = tuple(known[each.name] for each in conditionals if each.name in known)
    if before is not None and not found and conditions != before.conditions:
        found.add("conditions", "cannot be changed; add a parameter of another name")
    return replace(parameter, conditions=conditions)


def _check_values(
    values: Sequence[str], conditional: Conditional, path: str, found: Violations
) -> None:
    if not values:
        found.add(f"{path}.values", f"must name at least one value of '{conditional.name}'")
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value not in conditional.values:
            found.add(
                f"{path}.values[{index}]", f"'{value}' is not a value of '{conditional.name}'"
            )
        elif value in seen:
            found.add(f"{path}.values[{index}]", f"'{value}' is there already")
        seen.add(value)


def check_coverage(space: SearchSpace, violations: Violations, limits: Limits) -> None:
    """Note a combination of values of the conditionals under which there is no parameter."""
    if any(not each.conditions for each in space.parameters):
        return
    combinations = prod(len(each.values) for each in space.conditionals)
    if combinations > limits.conditional_combinations:
        violations.add(
            "conditionals",
            f"must have at most {limits.conditional_combinations} combinations of values where"
            f" every parameter has conditions, got {combinations}",
        )
        return
    names = [each.name for each in space.conditionals]
    for values in product(*(each.values for each in space.conditionals)):
        point = dict(zip(names, values, strict=True))
        if not any(hold(each.conditions, point) for each in space.parameters):
            where = " and ".join(f"'{name}' is '{value}'" for name, value in point.items())
            violations.add("parameters", f"must have one that is there where {where}")
            return
