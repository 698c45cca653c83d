"""Tasks."""

from nextpoint.v1 import task_pb2
from nextpoint_service.domain.task_rules import TaskDraft
from nextpoint_service.domain.tasks import Task


def task_draft_from_proto(message: task_pb2.Task) -> TaskDraft:
    """Return the task as the caller wrote it."""
    return TaskDraft(message.name, message.cost if message.HasField("cost") else None)


def task_to_proto(task: Task) -> task_pb2.Task:
    """Return the message of a task."""
    return task_pb2.Task(name=task.name, cost=task.cost)
