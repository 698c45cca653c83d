"""Tells a field that was not given from one that is to be cleared by None."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from nextpoint.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Unset(Enum):
    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


Unset: TypeAlias = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET


def given(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that were given, or raise InvalidArgumentError when none was."""
    changes = {name: value for name, value in fields.items() if value is not UNSET}
    if not changes:
        raise InvalidArgumentError(f"nothing to change: give at least one of {', '.join(fields)}")
    return changes
