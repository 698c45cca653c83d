"""The table of experiments, and their progress."""

import sqlite3
from typing import Any

from nextpoint_service.application.ports import ExperimentFilter, Page
from nextpoint_service.domain.errors import ExperimentNotFound
from nextpoint_service.domain.experiment import (
    Engine,
    Experiment,
    ExperimentState,
    ExperimentType,
    Progress,
)
from nextpoint_service.domain.search_space import cell_count
from nextpoint_service.store.search_space import (
    metrics_from_json,
    metrics_to_json,
    space_from_json,
    space_to_json,
)
from nextpoint_service.store.tasks import spending, tasks_from_json, tasks_to_json
from nextpoint_service.store.values import NEWEST, from_json, from_micros, to_json, to_micros

_GET = """
SELECT id, name, project, type, state, budget, parallel_bandwidth, num_solutions, engine,
    revision, created, updated, tags, metadata, metrics, space, tasks
FROM experiments WHERE id = :id
"""

_ADD = """
INSERT INTO experiments (id, name, project, type, state, budget, parallel_bandwidth, num_solutions,
    engine, revision, created, updated, tags, metadata, metrics, space, tasks)
VALUES (:id, :name, :project, :type, :state, :budget, :parallel_bandwidth, :num_solutions,
    :engine, :revision, :created, :updated, :tags, :metadata, :metrics, :space, :tasks)
"""

_SAVE = """
UPDATE experiments SET name = :name, project = :project, state = :state, budget = :budget,
    parallel_bandwidth = :parallel_bandwidth, revision = :revision, updated = :updated,
    tags = :tags, metadata = :metadata, metrics = :metrics, space = :space
WHERE id = :id
"""

_LEARN = "UPDATE experiments SET revision = revision + 1 WHERE id = :id"

# lower() and instr() are about ASCII letters alike, and about no wildcards, which LIKE is.
_LIST = """
SELECT seq, id, name, project, type, state, budget, parallel_bandwidth, num_solutions, engine,
    revision, created, updated, tags, metadata, metrics, space, tasks
FROM experiments
WHERE seq < :before
    AND (:project = '' OR project = :project)
    AND (:state IS NULL OR state = :state)
    AND (:name_contains = '' OR instr(lower(name), lower(:name_contains)) > 0)
ORDER BY seq DESC LIMIT :limit
"""

_PROGRESS = """
SELECT observations, failed, repeated, leased, waiting, queued, active_runs, points
FROM progress WHERE experiment_id = :id
"""


class ExperimentTable:
    """Fills the port `Experiments`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, experiment_id: str) -> Experiment:
        """Return the experiment, or raise ExperimentNotFound."""
        row = self._connection.execute(_GET, {"id": experiment_id}).fetchone()
        if row is None:
            raise ExperimentNotFound(experiment_id)
        return _from_row(row)

    def add(self, experiment: Experiment) -> None:
        """Insert a new experiment."""
        self._connection.execute(_ADD, _to_row(experiment))

    def save(self, experiment: Experiment) -> None:
        """Write back everything that can change."""
        if not self._connection.execute(_SAVE, _to_row(experiment)).rowcount:
            raise ExperimentNotFound(experiment.experiment_id)

    def learn(self, experiment_id: str) -> None:
        """Add 1 to the revision."""
        if not self._connection.execute(_LEARN, {"id": experiment_id}).rowcount:
            raise ExperimentNotFound(experiment_id)

    def list(self, which: ExperimentFilter, page: Page) -> list[tuple[int, Experiment]]:
        """Return experiments with their positions, the newest first."""
        rows = self._connection.execute(
            _LIST,
            {
                "project": which.project,
                "state": None if which.state is None else which.state.value,
                "name_contains": which.name_contains,
                "before": NEWEST if page.before is None else page.before,
                "limit": page.limit,
            },
        )
        return [(seq, _from_row(row)) for seq, *row in rows]

    def progress(self, experiment: Experiment) -> Progress:
        """Count how far the experiment has come."""
        row = self._connection.execute(_PROGRESS, {"id": experiment.experiment_id}).fetchone()
        if row is None:
            raise ExperimentNotFound(experiment.experiment_id)
        observations, failed, repeated, leased, waiting, queued, active_runs, points = row
        is_grid = experiment.type is ExperimentType.GRID
        return Progress(
            observations=observations,
            failed=failed,
            repeated=repeated,
            leased_suggestions=leased,
            open_suggestions=leased + waiting,
            queued_suggestions=queued,
            active_runs=active_runs,
            budget=experiment.budget,
            # In a grid every point is a cell, so that different points are different cells.
            cells_left=cell_count(experiment.space) - points if is_grid else None,
            spending=spending(self._connection, experiment),
        )


def _to_row(experiment: Experiment) -> dict[str, object]:
    return {
        "id": experiment.experiment_id,
        "name": experiment.name,
        "project": experiment.project,
        "type": experiment.type.value,
        "state": experiment.state.value,
        "budget": experiment.budget,
        "parallel_bandwidth": experiment.parallel_bandwidth,
        "num_solutions": experiment.num_solutions,
        "engine": experiment.engine.value,
        "revision": experiment.revision,
        "created": to_micros(experiment.created),
        "updated": to_micros(experiment.updated),
        "tags": to_json(experiment.tags),
        "metadata": to_json(experiment.metadata),
        "metrics": metrics_to_json(experiment.metrics),
        "space": space_to_json(experiment.space),
        "tasks": tasks_to_json(experiment.tasks),
    }


def _from_row(row: list[Any]) -> Experiment:
    (experiment_id, name, project, type_, state, budget, parallel_bandwidth, num_solutions,
     engine, revision, created, updated, tags, metadata, metrics, space, tasks) = row  # fmt: skip
    return Experiment(
        experiment_id=experiment_id,
        name=name,
        project=project,
        type=ExperimentType(type_),
        space=space_from_json(space),
        metrics=metrics_from_json(metrics),
        budget=budget,
        parallel_bandwidth=parallel_bandwidth,
        num_solutions=num_solutions,
        engine=Engine(engine),
        metadata=from_json(metadata),
        tags=tuple(from_json(tags)),
        state=ExperimentState(state),
        revision=revision,
        created=from_micros(created),
        updated=from_micros(updated),
        tasks=tasks_from_json(tasks),
    )
