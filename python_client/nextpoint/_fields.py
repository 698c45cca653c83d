"""Takes a user's mapping apart and notes everything that is wrong with it, with its path."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import SupportsFloat, TypeGuard, TypeVar

from nextpoint.errors import FieldViolation, InvalidArgumentError

INT32_MAX = 2**31 - 1

# What a span of time of the contract holds: 10,000 years.
SPAN_SECONDS_MAX = 315_576_000_000

V = TypeVar("V", bound=int)


class Fields:
    """The entries of one mapping. A value of None is as good as none.

    What can be said in the contract is left to the service to judge; here is found only what
    cannot be sent.
    """

    def __init__(
        self,
        given: object,
        path: str,
        violations: list[FieldViolation],
        *,
        named_by_user: bool = False,
    ) -> None:
        self._path = path
        self._named_by_user = named_by_user
        self._violations = violations
        self._given: Mapping[object, object] = {}
        if isinstance(given, Mapping):
            self._given = given
        else:
            self._violations.append(
                FieldViolation(path, f"must be a mapping, got {describe(given)}")
            )

    def allow(self, *known: str) -> None:
        """Refuse every key but these."""
        for key in self._given:
            if key not in known:
                self.refuse(key, f"unknown key {key!r}; there are: {', '.join(known)}")

    def path(self, key: object) -> str:
        """Return the path of an entry, as the service writes it."""
        if self._named_by_user:
            return f"{self._path}[{printable(repr(key))}]"
        name = printable(f"{key}")
        return f"{self._path}.{name}" if self._path else name

    def refuse(self, key: object, description: str) -> None:
        """Note what is wrong with an entry."""
        self._violations.append(FieldViolation(self.path(key), description))

    def get(self, key: str) -> object:
        """Return an entry as it is."""
        return self._given.get(key)

    def entries(self) -> list[tuple[str, object]]:
        """Return every entry, less those whose key is not a string."""
        for key in self._given:
            if not is_text(key):
                self.refuse(key, f"the key must be a string, got {describe(key)}")
        return [(key, value) for key, value in self._given.items() if is_text(key)]

    def text(self, key: str) -> str | None:
        """Return a string."""
        value = self._given.get(key)
        if value is None or is_text(value):
            return value
        self.refuse(key, f"must be a string, got {describe(value)}")
        return None

    def identity(self, key: str) -> str | None:
        """Return an id, or the id of a thing that has one."""
        value = self._given.get(key)
        found = value if isinstance(value, str) else getattr(value, "id", None)
        if value is None or is_text(found):
            return found
        self.refuse(key, f"must be an id, or what has one, got {describe(value)}")
        return None

    def number(self, key: str) -> float | None:
        """Return a number of any kind, NumPy's included, as a float."""
        value = self._given.get(key)
        if value is None:
            return None
        number = number_from(value)
        if number is None:
            self.refuse(key, f"must be a number, got {describe(value)}")
        return number

    def seconds(self, key: str) -> float | None:
        """Return a span of time."""
        number = self.number(key)
        if number is None or (math.isfinite(number) and abs(number) <= SPAN_SECONDS_MAX):
            return number
        most = f"at most {SPAN_SECONDS_MAX}"
        self.refuse(key, f"must be a number of seconds, {most}, got {describe(self.get(key))}")
        return None

    def required_seconds(self, key: str) -> float:
        """Return a span of time that cannot be left out."""
        if self._given.get(key) is None:
            self.refuse(key, "must be a number of seconds, got None")
        return self.seconds(key) or 0.0

    def whole_number(self, key: str) -> int | None:
        """Return a whole number that fits into 32 bits."""
        value = self._given.get(key)
        if value is None:
            return None
        if isinstance(value, Integral) and abs(int(value)) <= INT32_MAX:
            return int(value)
        self.refuse(key, f"must be a whole number below 2^31, got {describe(value)}")
        return None

    def count(self, key: str) -> int | None:
        """Return a whole number that is at least 1."""
        number = self.whole_number(key)
        if number is None or number >= 1:
            return number
        self.refuse(key, f"must be at least 1, got {number}")
        return None

    def flag(self, key: str) -> bool:
        """Return True or False."""
        value = self._given.get(key)
        if value is not None and not isinstance(value, bool):
            self.refuse(key, f"must be True or False, got {describe(value)}")
        return value is True

    def choice(self, key: str, words: Mapping[str, V], *, absent: V) -> V:
        """Return what a word stands for."""
        value = self._given.get(key)
        if value is None:
            return absent
        if isinstance(value, str) and value in words:
            return words[value]
        self.refuse(key, f"must be one of {', '.join(words)}, got {describe(value)}")
        return absent

    def mapping(self, key: str) -> Fields:
        """Return the entries of a mapping inside this one."""
        value = self._given.get(key)
        return Fields({} if value is None else value, self.path(key), self._violations)

    def named(self, key: str) -> Fields:
        """Return the entries of a mapping inside this one whose keys are the user's own names."""
        value = self._given.get(key)
        given = {} if value is None else value
        return Fields(given, self.path(key), self._violations, named_by_user=True)

    def mappings(self, key: str) -> list[Fields]:
        """Return the entries of each mapping in a list."""
        return [Fields(item, path, self._violations) for path, item in self.items(key)]

    def items(self, key: str) -> list[tuple[str, object]]:
        """Return the path and the value of each item of a list."""
        value = self._given.get(key)
        if value is None:
            return []
        if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
            return [(f"{self.path(key)}[{index}]", item) for index, item in enumerate(value)]
        self.refuse(key, f"must be a list, got {describe(value)}")
        return []

    def texts(self, key: str) -> list[str]:
        """Return a list of strings."""
        texts = []
        for path, item in self.items(key):
            if is_text(item):
                texts.append(item)
            else:
                self._violations.append(
                    FieldViolation(path, f"must be a string, got {describe(item)}")
                )
        return texts

    def numbers(self, key: str) -> list[float]:
        """Return a list of numbers."""
        numbers = []
        for path, item in self.items(key):
            number = number_from(item)
            if number is None:
                self._violations.append(
                    FieldViolation(path, f"must be a number, got {describe(item)}")
                )
            else:
                numbers.append(number)
        return numbers


def number_from(value: object) -> float | None:
    """Return any kind of number as a float, or None when it is none."""
    if isinstance(value, SupportsFloat):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def is_text(value: object) -> TypeGuard[str]:
    """Whether this is a string that UTF-8 has bytes for; half a pair of surrogates has none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """Return a text as it is, but for what UTF-8 has no bytes for."""
    return text.encode(errors="backslashreplace").decode()


def describe(value: object) -> str:
    """Return a value and its type, for a message."""
    fault = ""
    if isinstance(value, str) and not is_text(value):
        fault = ", which is not Unicode: it has a lone surrogate"
    return f"{value!r:.100} ({type(value).__name__}){fault}"


def identity(name: str, value: object) -> str:
    """Return an id, or the id of a thing that has one, or raise InvalidArgumentError."""
    violations: list[FieldViolation] = []
    found = Fields({name: value}, "", violations).identity(name)
    raise_if_any(violations, "the request")
    return found or ""


def raise_if_any(violations: list[FieldViolation], what: str) -> None:
    """Raise one error with every violation."""
    if violations:
        raise InvalidArgumentError(f"{what} is not valid:", violations=violations)
