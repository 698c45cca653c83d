"""Conditionals and conditions of parameters: from what a user writes to the contract, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from nextpoint._fields import Fields
from nextpoint._search_space import Conditional
from nextpoint.v1 import search_space_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nextpoint.errors import FieldViolation

# What is accepted where a conditional is defined.
ConditionalLike: TypeAlias = Conditional | Mapping[str, object]


def conditional_to_proto(
    given: object, path: str, violations: list[FieldViolation]
) -> search_space_pb2.Conditional:
    """Return the message, and note what cannot be sent."""
    if isinstance(given, Conditional):
        given = {"name": given.name, "values": given.values}
    fields = Fields(given, path, violations)
    fields.allow("name", "values")
    return search_space_pb2.Conditional(
        name=fields.text("name") or "", values=fields.texts("values")
    )


def conditions_to_proto(fields: Fields) -> list[search_space_pb2.ParameterCondition]:
    """Return the messages of a parameter's conditions; a single value may stand for a list."""
    if fields.get("conditions") is None:
        return []
    conditions = fields.named("conditions")
    return [
        search_space_pb2.ParameterCondition(
            name=name, values=[values] if isinstance(values, str) else conditions.texts(name)
        )
        for name, values in conditions.entries()
    ]


def conditional_from_proto(message: search_space_pb2.Conditional) -> Conditional:
    """Return the conditional."""
    return Conditional(message.name, tuple(message.values))


def conditions_from_proto(
    messages: Iterable[search_space_pb2.ParameterCondition],
) -> dict[str, tuple[str, ...]] | None:
    """Return the conditions by name; None when there are none."""
    return {each.name: tuple(each.values) for each in messages} or None
