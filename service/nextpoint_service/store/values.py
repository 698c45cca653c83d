"""What the columns hold: times, JSON, and the keys of points."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.observation import Measurement, Values
from nextpoint_service.domain.tasks import Task

NEWEST = 2**63 - 1
"""A position above all positions."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return the time as whole microseconds since 1970 in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time that `to_micros` was given, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def to_json(value: object) -> str:
    """Return JSON that gives back each float exactly and tells int, float and bool apart."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Any:  # noqa: ANN401 - the caller knows what it wrote
    """Return what `to_json` was given; tuples come back as lists."""
    return json.loads(text)


def values_to_json(values: Values) -> str:
    """Return measured values as JSON, in their order."""
    return to_json(
        {
            name: {"value": each.value}
            if each.stddev is None
            else {"value": each.value, "stddev": each.stddev}
            for name, each in values.items()
        }
    )


def values_from_json(text: str) -> Values:
    """Return what `values_to_json` was given."""
    return {
        name: Measurement(each["value"], each.get("stddev"))
        for name, each in from_json(text).items()
    }


def point_key(assignments: Assignments, task: Task | None = None) -> bytes:
    """Return the same 16 bytes for equal points with the same task, and different ones for others.

    Numbers are equal by value: 1, 1.0 and, for zero, both signs. Whole floats are written as
    integers for that, and the order of the parameters does not matter.
    """
    canonical = {name: _canonical(value) for name, value in assignments.items()}
    text = json.dumps(canonical if task is None else [canonical, task.name], sort_keys=True)
    return blake2b(text.encode(), digest_size=16).digest()


def _canonical(value: Value) -> Value:
    return int(value) if isinstance(value, float) and value.is_integer() else value
