"""Tasks: from what a user writes to the contract, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from nextpoint._fields import Fields
from nextpoint._search_space import Task
from nextpoint.v1 import task_pb2

if TYPE_CHECKING:
    from nextpoint.errors import FieldViolation
    from nextpoint.v1 import observation_pb2, run_pb2, suggestion_pb2

# What is accepted where a task is defined.
TaskLike: TypeAlias = Task | Mapping[str, object]

# A task where one is named, in SigOpt's form as well.
TaskOrName: TypeAlias = Task | str | Mapping[str, object]


def task_to_proto(given: object, path: str, violations: list[FieldViolation]) -> task_pb2.Task:
    """Return the message, and note what cannot be sent."""
    if isinstance(given, Task):
        given = {"name": given.name, "cost": given.cost}
    fields = Fields(given, path, violations)
    fields.allow("name", "cost", "object")
    return task_pb2.Task(name=fields.text("name") or "", cost=fields.number("cost"))


def task_name(fields: Fields) -> str:
    """Return the name of the entry ``task``: a task, a dict as SigOpt has it, or just the name."""
    task = fields.get("task")
    if isinstance(task, Task):
        return task.name
    if isinstance(task, Mapping):
        named = fields.mapping("task")
        named.allow("name", "cost", "object")
        return named.text("name") or ""
    return fields.text("task") or ""


def task_from_proto(
    message: suggestion_pb2.Suggestion | observation_pb2.Observation | run_pb2.Run,
) -> Task | None:
    """Return how something is evaluated; None where there is one way only."""
    if not message.HasField("task"):
        return None
    return Task(message.task.name, message.task.cost)
