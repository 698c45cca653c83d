"""Collects what is wrong with a request, so that a caller hears of everything at once."""

import re
from collections.abc import Collection, Sequence

from nextpoint_service.domain.errors import FieldViolation, InvalidRequest

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Violations:
    """A list of violations; `check` raises them all."""

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Note that the field at this path breaks a rule."""
        self._found.append(FieldViolation(field, description))

    def extend(self, others: "Violations", prefix: str = "") -> None:
        """Take over violations found apart, their paths below the prefix."""
        self._found.extend(
            FieldViolation(f"{prefix}{each.field}", each.description) for each in others.found
        )

    @property
    def found(self) -> tuple[FieldViolation, ...]:
        """What was noted so far."""
        return tuple(self._found)

    def check(self) -> None:
        """Raise InvalidRequest if anything was noted."""
        if self._found:
            raise InvalidRequest(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def check_name(self, field: str, name: str, limit: int, *, empty: str = "is required") -> None:
        """Note when a name is empty, too long, or holds what people cannot see."""
        if not name:
            self.add(field, empty)
        elif len(name) > limit:
            self.add(field, f"must have at most {limit} characters, got {len(name)}")
        elif _CONTROL.search(name):
            self.add(field, "must not hold control characters")
        elif name != name.strip():
            self.add(field, "must not begin or end with a space")

    def check_strings(self, field: str, strings: Sequence[str], most: int, characters: int) -> None:
        """Note when there are fewer than 2 or too many, or they are not different names."""
        if len(strings) < 2:
            self.add(field, f"must have at least 2 values, got {len(strings)}")
        if len(strings) > most:
            self.add(field, f"must have at most {most} values, got {len(strings)}")
            return
        seen: set[str] = set()
        for index, string in enumerate(strings):
            path = f"{field}[{index}]"
            self.check_name(path, string, characters, empty="must not be empty")
            if string and string in seen:
                self.add(path, f"'{string}' is there already")
            seen.add(string)

    def check_update_mask(self, fields: Collection[str], changeable: Sequence[str]) -> None:
        """Note when an update changes nothing, or what cannot be changed."""
        if not fields:
            self.add("update_mask", "must name at least one field to change")
        for name in sorted(set(fields).difference(changeable)):
            self.add("update_mask", f"'{name}' is not one of {', '.join(changeable)}")

    def check_range(self, field: str, value: float, low: float, high: float) -> None:
        """Note when a number is outside the inclusive range, as NaN always is."""
        if not low <= value <= high:
            low_text, high_text, got = _in_full(low), _in_full(high), _in_full(value)
            self.add(field, f"must be from {low_text} to {high_text}, got {got}")


def _in_full(number: float) -> str:
    return f"{number:.15g}" if isinstance(number, float) else str(number)
