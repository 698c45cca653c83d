"""The table of observations."""

import sqlite3
from functools import lru_cache
from typing import Any

from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import ObservationNotFound
from nextpoint_service.domain.observation import Observation
from nextpoint_service.store.tasks import task_from_json, task_to_json
from nextpoint_service.store.values import (
    NEWEST,
    from_json,
    from_micros,
    point_key,
    to_json,
    to_micros,
    values_from_json,
    values_to_json,
)

_GET = """
SELECT id, experiment_id, suggestion_id, run_id, failed, outside, seconds, created, updated,
    assignments, metric_values, metadata, task
FROM observations WHERE id = :id
"""

_ADD = """
INSERT INTO observations (id, experiment_id, suggestion_id, run_id, failed, outside, seconds,
    point, created, updated, assignments, metric_values, metadata, task)
VALUES (:id, :experiment_id, :suggestion_id, :run_id, :failed, :outside, :seconds,
    :point, :created, :updated, :assignments, :metric_values, :metadata, :task)
"""

_SAVE = """
UPDATE observations SET failed = :failed, updated = :updated, metric_values = :metric_values,
    metadata = :metadata
WHERE id = :id
"""

_DELETE = "DELETE FROM observations WHERE id = :id"

_ALL = """
SELECT id, experiment_id, suggestion_id, run_id, failed, outside, seconds, created, updated,
    assignments, metric_values, metadata, task
FROM observations WHERE experiment_id = :experiment_id
ORDER BY seq
"""

_COUNT = "SELECT observations FROM progress WHERE experiment_id = :experiment_id"

_EXISTS_FOR = "SELECT EXISTS (SELECT 1 FROM observations WHERE suggestion_id = :suggestion_id)"

_RECENT_SECONDS = """
SELECT seconds FROM observations WHERE experiment_id = :experiment_id AND seconds IS NOT NULL
ORDER BY seq DESC LIMIT :count
"""

_LIST = """
SELECT seq, id, experiment_id, suggestion_id, run_id, failed, outside, seconds, created, updated,
    assignments, metric_values, metadata, task
FROM observations WHERE experiment_id = :experiment_id AND seq < :before
ORDER BY seq DESC LIMIT :limit
"""

_REMEMBERED_ROWS = 8192
"""All observations are read for every round of a model, and few are new."""


class ObservationTable:
    """Fills the port `Observations`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, observation_id: str) -> Observation:
        """Return the observation, or raise ObservationNotFound."""
        row = self._connection.execute(_GET, {"id": observation_id}).fetchone()
        if row is None:
            raise ObservationNotFound(observation_id)
        return _from_row(row)

    def add(self, observation: Observation) -> None:
        """Insert a new observation."""
        self._connection.execute(_ADD, _to_row(observation))

    def save(self, observation: Observation) -> None:
        """Write back the values, failed, metadata and the time of update."""
        changeable = {
            "id": observation.observation_id,
            "failed": observation.failed,
            "updated": to_micros(observation.updated),
            "metric_values": values_to_json(observation.values),
            "metadata": to_json(observation.metadata),
        }
        if not self._connection.execute(_SAVE, changeable).rowcount:
            raise ObservationNotFound(observation.observation_id)

    def delete(self, observation_id: str) -> None:
        """Delete the observation for good."""
        if not self._connection.execute(_DELETE, {"id": observation_id}).rowcount:
            raise ObservationNotFound(observation_id)

    def all(self, experiment_id: str) -> list[Observation]:
        """Return every observation of the experiment, the earliest first."""
        rows = self._connection.execute(_ALL, {"experiment_id": experiment_id})
        return [_from_row(row) for row in rows]

    def count(self, experiment_id: str) -> int:
        """Return how many observations the experiment has."""
        row = self._connection.execute(_COUNT, {"experiment_id": experiment_id}).fetchone()
        return 0 if row is None else int(row[0])

    def exists_for(self, suggestion_id: str) -> bool:
        """Whether the suggestion has an observation."""
        (exists,) = self._connection.execute(
            _EXISTS_FOR, {"suggestion_id": suggestion_id}
        ).fetchone()
        return bool(exists)

    def recent_seconds(self, experiment_id: str, count: int) -> list[float]:
        """Return how long the newest evaluations took, at most `count`, where that is known."""
        rows = self._connection.execute(
            _RECENT_SECONDS, {"experiment_id": experiment_id, "count": count}
        )
        return [seconds for (seconds,) in rows]

    def list(self, experiment_id: str, page: Page) -> list[tuple[int, Observation]]:
        """Return observations with their positions, the newest first."""
        rows = self._connection.execute(
            _LIST,
            {
                "experiment_id": experiment_id,
                "before": NEWEST if page.before is None else page.before,
                "limit": page.limit,
            },
        )
        return [(row[0], _from_row(row[1:])) for row in rows]


def _to_row(observation: Observation) -> dict[str, object]:
    is_own = observation.suggestion_id is None
    return {
        "id": observation.observation_id,
        "experiment_id": observation.experiment_id,
        "suggestion_id": observation.suggestion_id,
        "run_id": observation.run_id,
        "failed": observation.failed,
        "outside": observation.outside,
        "seconds": observation.seconds,
        "point": point_key(observation.assignments, observation.task) if is_own else None,
        "created": to_micros(observation.created),
        "updated": to_micros(observation.updated),
        "assignments": to_json(observation.assignments),
        "metric_values": values_to_json(observation.values),
        "metadata": to_json(observation.metadata),
        "task": task_to_json(observation.task),
    }


@lru_cache(maxsize=_REMEMBERED_ROWS)
def _from_row(row: tuple[Any, ...]) -> Observation:
    """Return the observation, which is the same object for the same row: nobody changes it."""
    (observation_id, experiment_id, suggestion_id, run_id, failed, outside, seconds, created,
     updated, assignments, metric_values, metadata, task) = row  # fmt: skip
    return Observation(
        observation_id=observation_id,
        experiment_id=experiment_id,
        suggestion_id=suggestion_id,
        run_id=run_id,
        assignments=from_json(assignments),
        values=values_from_json(metric_values),
        failed=bool(failed),
        outside=bool(outside),
        metadata=from_json(metadata),
        seconds=seconds,
        created=from_micros(created),
        updated=from_micros(updated),
        task=task_from_json(task),
    )
