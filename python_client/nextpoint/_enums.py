"""The values of the contract's enums as the lower-case words that users write and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from nextpoint.errors import FieldViolation, InvalidArgumentError

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

V = TypeVar("V", bound=int)


def words_of(enum: _EnumTypeWrapper[V]) -> dict[str, V]:
    """Return the number of each word, such as ``{"active": 1, "archived": 2}``."""
    prefix = _prefix(enum)
    return {name.removeprefix(prefix).lower(): number for name, number in enum.items() if number}


def word_from_enum(enum: _EnumTypeWrapper[V], number: V) -> str:
    """Return the word of a number; ``unknown`` for one that a newer service made."""
    if number not in enum.values():
        return "unknown"
    return enum.Name(number).removeprefix(_prefix(enum)).lower()


def enum_from_word(
    word: str | None, words: dict[str, V], *, absent: V, argument: str = "state"
) -> V:
    """Return what a word says about what to list, or raise InvalidArgumentError."""
    if word is None:
        return absent
    if isinstance(word, str) and word in words:
        return words[word]
    violation = FieldViolation(argument, f"must be one of {', '.join(words)}, got {word!r}")
    raise InvalidArgumentError("the filter is not valid:", violations=[violation])


def _prefix(enum: _EnumTypeWrapper[V]) -> str:
    return enum.keys()[0].removesuffix("UNSPECIFIED")
