"""A user's notes, to and from the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._fields import describe, is_text, number_from
from nextpoint.v1 import experiment_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nextpoint._fields import Fields
    from nextpoint._records import MetadataValue


def metadata_to_proto(fields: Fields) -> dict[str, experiment_pb2.MetadataValue]:
    """Return the entry ``metadata`` as the contract has it."""
    notes = fields.named("metadata")
    messages = {}
    for key, value in notes.entries():
        message = metadata_value_to_proto(value)
        if message is None:
            notes.refuse(key, f"must be a string or a number, got {describe(value)}")
        else:
            messages[key] = message
    return messages


def metadata_value_to_proto(value: object) -> experiment_pb2.MetadataValue | None:
    """Return one note as the contract has it; None when it is neither a text nor a number."""
    if is_text(value):
        return experiment_pb2.MetadataValue(string_value=value)
    number = number_from(value)
    return None if number is None else experiment_pb2.MetadataValue(number_value=number)


def metadata_from_proto(
    messages: Mapping[str, experiment_pb2.MetadataValue],
) -> dict[str, MetadataValue]:
    """Return the notes as a dict."""
    return {
        key: message.string_value if message.HasField("string_value") else message.number_value
        for key, message in messages.items()
    }
