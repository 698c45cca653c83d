"""Conditionals: switches on which it depends which parameters there are."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conditional:
    """A switch and the values that it takes."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds where the conditional of this name has one of the values."""

    name: str
    values: tuple[str, ...]


def hold(conditions: tuple[Condition, ...], point: Mapping[str, object]) -> bool:
    """Whether all conditions hold at the point, which has values of the conditionals."""
    return all(point.get(each.name) in each.values for each in conditions)
