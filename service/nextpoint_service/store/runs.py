"""The table of runs."""

import sqlite3
from typing import Any

from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import RunNotFound
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.store.tasks import task_from_json, task_to_json
from nextpoint_service.store.values import (
    NEWEST,
    from_json,
    from_micros,
    to_json,
    to_micros,
    values_from_json,
    values_to_json,
)

_GET = """
SELECT id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended, name,
    assignments, metric_values, metadata, task
FROM runs WHERE id = :id
"""

_ADD = """
INSERT INTO runs (id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended,
    name, assignments, metric_values, metadata, task)
VALUES (:id, :experiment_id, :suggestion_id, :observation_id, :attempt, :state, :created, :ended,
    :name, :assignments, :metric_values, :metadata, :task)
"""

_SAVE = """
UPDATE runs SET state = :state, observation_id = :observation_id, ended = :ended,
    metric_values = :metric_values
WHERE id = :id
"""

_ACTIVE_FOR = """
SELECT id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended, name,
    assignments, metric_values, metadata, task
FROM runs WHERE suggestion_id = :suggestion_id AND state = 'active'
"""

_LIST = """
SELECT seq, id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended, name,
    assignments, metric_values, metadata, task
FROM runs WHERE experiment_id = :experiment_id AND seq < :before
ORDER BY seq DESC LIMIT :limit
"""

_LIST_BY_STATE = """
SELECT seq, id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended, name,
    assignments, metric_values, metadata, task
FROM runs WHERE experiment_id = :experiment_id AND state = :state AND seq < :before
ORDER BY seq DESC LIMIT :limit
"""


class RunTable:
    """Fills the port `Runs`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, run_id: str) -> Run:
        """Return the run, or raise RunNotFound."""
        row = self._connection.execute(_GET, {"id": run_id}).fetchone()
        if row is None:
            raise RunNotFound(run_id)
        return _from_row(row)

    def add(self, run: Run) -> None:
        """Insert a new run."""
        self._connection.execute(_ADD, _to_row(run))

    def save(self, run: Run) -> None:
        """Write back the values, state, observation and end."""
        changeable = {
            "id": run.run_id,
            "state": run.state.value,
            "observation_id": run.observation_id,
            "ended": None if run.ended is None else to_micros(run.ended),
            "metric_values": values_to_json(run.values),
        }
        if not self._connection.execute(_SAVE, changeable).rowcount:
            raise RunNotFound(run.run_id)

    def active_for(self, suggestion_id: str) -> Run | None:
        """Return the active run that holds the suggestion; None when there is none."""
        row = self._connection.execute(_ACTIVE_FOR, {"suggestion_id": suggestion_id}).fetchone()
        return None if row is None else _from_row(row)

    def list(self, experiment_id: str, state: RunState | None, page: Page) -> list[tuple[int, Run]]:
        """Return runs with their positions, the newest first."""
        rows = self._connection.execute(
            _LIST if state is None else _LIST_BY_STATE,
            {
                "experiment_id": experiment_id,
                "state": None if state is None else state.value,
                "before": NEWEST if page.before is None else page.before,
                "limit": page.limit,
            },
        )
        return [(seq, _from_row(row)) for seq, *row in rows]


def _to_row(run: Run) -> dict[str, object]:
    return {
        "id": run.run_id,
        "experiment_id": run.experiment_id,
        "suggestion_id": run.suggestion_id,
        "observation_id": run.observation_id,
        "attempt": run.attempt,
        "state": run.state.value,
        "created": to_micros(run.created),
        "ended": None if run.ended is None else to_micros(run.ended),
        "name": run.name,
        "assignments": to_json(run.assignments),
        "metric_values": values_to_json(run.values),
        "metadata": to_json(run.metadata),
        "task": task_to_json(run.task),
    }


def _from_row(row: list[Any]) -> Run:
    (run_id, experiment_id, suggestion_id, observation_id, attempt, state, created, ended, name,
     assignments, metric_values, metadata, task) = row  # fmt: skip
    return Run(
        run_id=run_id,
        experiment_id=experiment_id,
        suggestion_id=suggestion_id,
        attempt=attempt,
        name=name,
        assignments=from_json(assignments),
        values=values_from_json(metric_values),
        state=RunState(state),
        observation_id=observation_id,
        metadata=from_json(metadata),
        created=from_micros(created),
        ended=None if ended is None else from_micros(ended),
        task=task_from_json(task),
    )
