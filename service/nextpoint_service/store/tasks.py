"""Tasks as JSON, and what evaluations cost."""

import sqlite3
from fractions import Fraction

from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.tasks import Spending, Task
from nextpoint_service.store.values import from_json, to_json

_SPENDING = "SELECT task, leased, waiting, evaluated FROM task_progress WHERE experiment_id = :id"


def task_to_json(task: Task | None) -> str | None:
    """Return the same text for the same task; None without one."""
    return None if task is None else to_json([task.name, task.cost])


def task_from_json(text: str | None) -> Task | None:
    """Return what `task_to_json` was given."""
    return None if text is None else Task(*from_json(text))


def tasks_to_json(tasks: tuple[Task, ...]) -> str:
    """Return a list of what `task_to_json` returns."""
    return to_json([task_to_json(each) for each in tasks])


def tasks_from_json(text: str) -> tuple[Task, ...]:
    """Return what `tasks_to_json` was given."""
    return tuple(Task(*from_json(each)) for each in from_json(text))


def spending(connection: sqlite3.Connection, experiment: Experiment) -> Spending | None:
    """Sum up what evaluations cost; None without tasks."""
    if not experiment.tasks:
        return None
    leased = waiting = evaluated = Fraction(0)
    rows = connection.execute(_SPENDING, {"id": experiment.experiment_id})
    for task, leased_count, waiting_count, evaluated_count in rows:
        amount = Task(*from_json(task)).amount
        leased += leased_count * amount
        waiting += waiting_count * amount
        evaluated += evaluated_count * amount
    return Spending(
        evaluated=evaluated,
        leased=leased,
        open=leased + waiting,
        cheapest=experiment.tasks[-1].amount,
    )
