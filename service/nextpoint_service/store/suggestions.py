"""The table of suggestions."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nextpoint_service.application.ports import Page
from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.errors import SuggestionNotFound
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Prediction,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.domain.tasks import Task
from nextpoint_service.store.tasks import task_from_json, task_to_json
from nextpoint_service.store.values import (
    NEWEST,
    from_json,
    from_micros,
    point_key,
    to_json,
    to_micros,
)

_GET = """
SELECT id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE id = :id
"""

_ADD = """
INSERT INTO suggestions (id, experiment_id, state, attempt, worker_id, lease_started,
    lease_expires, cell, point, created, assignments, provenance, task)
VALUES (:id, :experiment_id, :state, :attempt, :worker_id, :lease_started,
    :lease_expires, :cell, :point, :created, :assignments, :provenance, :task)
"""

_SAVE = """
UPDATE suggestions SET state = :state, attempt = :attempt, worker_id = :worker_id,
    lease_started = :lease_started, lease_expires = :lease_expires
WHERE id = :id
"""

_DELETE = "DELETE FROM suggestions WHERE id = :id"

_FIRST = """
SELECT id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE experiment_id = :experiment_id AND state = :state
ORDER BY seq LIMIT 1
"""

_HELD_BY = """
SELECT id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE experiment_id = :experiment_id AND worker_id = :worker_id
ORDER BY seq
"""

_HELD_COUNT = """
SELECT COUNT(*) FROM suggestions WHERE experiment_id = :experiment_id AND worker_id = :worker_id
"""

_LEASES_ENDING = """
SELECT id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE lease_expires <= :before
ORDER BY lease_expires, seq
"""

_UNHELD = """
SELECT id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE experiment_id = :experiment_id AND state IN ('waiting', 'queued')
"""

_OPEN_POINTS = """
SELECT assignments, task FROM suggestions
WHERE experiment_id = :experiment_id AND state IN ('leased', 'waiting', 'queued')
ORDER BY seq
"""

_COUNT = "SELECT suggestions FROM progress WHERE experiment_id = :experiment_id"

_IS_TAKEN = """
SELECT EXISTS (
        SELECT 1 FROM suggestions
        WHERE experiment_id = :experiment_id AND point = :point AND state <> 'withdrawn')
    OR EXISTS (
        SELECT 1 FROM observations WHERE experiment_id = :experiment_id AND point = :point)
"""

_NEXT_CELL = """
SELECT coalesce(max(cell) + 1, 0) FROM suggestions
WHERE experiment_id = :experiment_id AND cell IS NOT NULL
"""

_LIST = """
SELECT seq, id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE experiment_id = :experiment_id AND seq < :before
ORDER BY seq DESC LIMIT :limit
"""

_LIST_BY_STATE = """
SELECT seq, id, experiment_id, state, attempt, worker_id, lease_started, lease_expires, created,
    assignments, provenance, task
FROM suggestions WHERE experiment_id = :experiment_id AND state = :state AND seq < :before
ORDER BY seq DESC LIMIT :limit
"""


class SuggestionTable:
    """Fills the port `Suggestions`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, suggestion_id: str) -> Suggestion:
        """Return the suggestion, or raise SuggestionNotFound."""
        row = self._connection.execute(_GET, {"id": suggestion_id}).fetchone()
        if row is None:
            raise SuggestionNotFound(suggestion_id)
        return _from_row(row)

    def add(self, suggestion: Suggestion, cell: int | None = None) -> None:
        """Insert a new suggestion; `cell` is its index in a grid."""
        self._connection.execute(_ADD, _to_row(suggestion, cell))

    def save(self, suggestion: Suggestion) -> None:
        """Write back the state, attempt and lease."""
        changeable = {
            "id": suggestion.suggestion_id,
            "state": suggestion.state.value,
            "attempt": suggestion.attempt,
            **_lease_columns(suggestion.lease),
        }
        if not self._connection.execute(_SAVE, changeable).rowcount:
            raise SuggestionNotFound(suggestion.suggestion_id)

    def delete(self, suggestion_id: str) -> None:
        """Delete a suggestion that was never handed out, for good."""
        if not self._connection.execute(_DELETE, {"id": suggestion_id}).rowcount:
            raise SuggestionNotFound(suggestion_id)

    def first(self, experiment_id: str, state: SuggestionState) -> Suggestion | None:
        """Return the earliest created suggestion in this state; None when there is none."""
        row = self._connection.execute(
            _FIRST, {"experiment_id": experiment_id, "state": state.value}
        ).fetchone()
        return None if row is None else _from_row(row)

    def held_by(self, experiment_id: str, worker_id: str) -> list[Suggestion]:
        """Return what the worker holds, the earliest created first."""
        rows = self._connection.execute(
            _HELD_BY, {"experiment_id": experiment_id, "worker_id": worker_id}
        )
        return [_from_row(row) for row in rows]

    def held_count(self, experiment_id: str, worker_id: str) -> int:
        """Return how many suggestions the worker holds."""
        (count,) = self._connection.execute(
            _HELD_COUNT, {"experiment_id": experiment_id, "worker_id": worker_id}
        ).fetchone()
        return int(count)

    def leases_ending(self, before: datetime) -> list[Suggestion]:
        """Return leased suggestions, of all experiments, whose lease expires at or before."""
        rows = self._connection.execute(_LEASES_ENDING, {"before": to_micros(before)})
        return [_from_row(row) for row in rows]

    def unheld(self, experiment_id: str) -> list[Suggestion]:
        """Return what waits and what is queued, in no order."""
        rows = self._connection.execute(_UNHELD, {"experiment_id": experiment_id})
        return [_from_row(row) for row in rows]

    def open_points(self, experiment_id: str) -> list[tuple[Assignments, Task | None]]:
        """Return what is leased, waiting or queued, with its task, the earliest created first."""
        rows = self._connection.execute(_OPEN_POINTS, {"experiment_id": experiment_id})
        return [(from_json(assignments), task_from_json(task)) for assignments, task in rows]

    def count(self, experiment_id: str) -> int:
        """Return how many suggestions the experiment ever had."""
        row = self._connection.execute(_COUNT, {"experiment_id": experiment_id}).fetchone()
        return 0 if row is None else int(row[0])

    def is_taken(
        self, experiment_id: str, assignments: Assignments, task: Task | None = None
    ) -> bool:
        """Whether a suggestion or an observation has exactly this point and this task."""
        (is_taken,) = self._connection.execute(
            _IS_TAKEN, {"experiment_id": experiment_id, "point": point_key(assignments, task)}
        ).fetchone()
        return bool(is_taken)

    def next_cell(self, experiment_id: str) -> int:
        """Return 1 above the largest cell index of any suggestion; 0 when there is none."""
        row = self._connection.execute(_NEXT_CELL, {"experiment_id": experiment_id}).fetchone()
        return int(row[0])

    def list(
        self, experiment_id: str, state: SuggestionState | None, page: Page
    ) -> list[tuple[int, Suggestion]]:
        """Return suggestions with their positions, the newest first."""
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


def _to_row(suggestion: Suggestion, cell: int | None) -> dict[str, object]:
    return {
        "id": suggestion.suggestion_id,
        "experiment_id": suggestion.experiment_id,
        "state": suggestion.state.value,
        "attempt": suggestion.attempt,
        **_lease_columns(suggestion.lease),
        "cell": cell,
        "point": point_key(suggestion.assignments, suggestion.task),
        "created": to_micros(suggestion.created),
        "assignments": to_json(suggestion.assignments),
        "provenance": _provenance_to_json(suggestion.provenance),
        "task": task_to_json(suggestion.task),
    }


def _lease_columns(lease: Lease | None) -> Mapping[str, object]:
    if lease is None:
        return {"worker_id": None, "lease_started": None, "lease_expires": None}
    return {
        "worker_id": lease.worker_id,
        "lease_started": to_micros(lease.started),
        "lease_expires": to_micros(lease.expires),
    }


def _from_row(row: list[Any]) -> Suggestion:
    (suggestion_id, experiment_id, state, attempt, worker_id, started, expires, created,
     assignments, provenance, task) = row  # fmt: skip
    return Suggestion(
        suggestion_id=suggestion_id,
        experiment_id=experiment_id,
        assignments=from_json(assignments),
        provenance=_provenance_from_json(provenance),
        state=SuggestionState(state),
        attempt=attempt,
        lease=None
        if worker_id is None
        else Lease(worker_id, from_micros(started), from_micros(expires)),
        created=from_micros(created),
        task=task_from_json(task),
    )


def _provenance_to_json(provenance: Provenance) -> str:
    return to_json(
        {
            "generator": provenance.generator.value,
            "method": provenance.method,
            "seed": provenance.seed,
            "observation_count": provenance.observation_count,
            "pending_count": provenance.pending_count,
            "fallback_reason": provenance.fallback_reason,
            "predictions": {
                name: {"mean": each.mean, "stddev": each.stddev}
                for name, each in provenance.predictions.items()
            },
            "acquisition_value": provenance.acquisition_value,
        }
    )


def _provenance_from_json(text: str) -> Provenance:
    stored = from_json(text)
    predictions = {
        name: Prediction(each["mean"], each["stddev"])
        for name, each in stored.pop("predictions").items()
    }
    return Provenance(Generator(stored.pop("generator")), predictions=predictions, **stored)
