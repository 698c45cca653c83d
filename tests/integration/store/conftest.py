"""A database, a transaction on it, and builders of what goes into it."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from nextpoint_service.application.ports import Event
from nextpoint_service.domain.experiment import (
    Experiment,
    ExperimentState,
    ExperimentType,
    Metric,
)
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.search_space import (
    BoolParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.store.connections import connect_writer
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.store.transaction import SqliteTransaction

NOW = datetime(2026, 5, 17, 12, 30, 15, 123457, tzinfo=UTC)

EXPERIMENT = Experiment(
    experiment_id="exp_1",
    name="bread",
    project="bakery",
    type=ExperimentType.OPTIMIZED,
    space=SearchSpace((DoubleParameter("heat", 120.0, 240.0),)),
    metrics=(Metric("taste"),),
    budget=20,
    parallel_bandwidth=None,
    metadata={},
    tags=(),
    state=ExperimentState.ACTIVE,
    revision=1,
    created=NOW,
    updated=NOW,
)

GRID = SearchSpace(
    (
        DoubleParameter("heat", 0.0, 2.0, grid=(0.0, 1.0, 2.0)),
        IntParameter("minutes", 0, 1, grid=(0, 1)),
        BoolParameter("steam"),
    )
)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "nextpoint.db"


@pytest.fixture(scope="session")
def new_file(tmp_path_factory) -> Path:
    """A new database, made once: to make one waits for the disk several times."""
    path = tmp_path_factory.mktemp("new") / "new.db"
    connect_writer(path).close()
    return path


@pytest.fixture
def connection(path, new_file) -> Iterator[sqlite3.Connection]:
    shutil.copy(new_file, path)
    connection = connect_writer(path)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.fixture
def tx(connection) -> SqliteTransaction:
    """A transaction that is never committed, on an empty database."""
    return SqliteTransaction(connection)


@pytest.fixture
def published() -> list[Event]:
    """The events that the database has announced."""
    return []


@pytest.fixture
async def database(path, new_file, published) -> AsyncIterator[SqliteDatabase]:
    shutil.copy(new_file, path)
    database = await SqliteDatabase.open(path, on_publish=published.append)
    yield database
    await database.close()


class Maker:
    """Makes the nouns with good defaults, each with an id and a point of its own."""

    now = NOW

    def __init__(self) -> None:
        self._suggestions = count(1)
        self._observations = count(1)
        self._runs = count(1)

    def experiment(self, **changes: object) -> Experiment:
        return replace(EXPERIMENT, **changes)

    def grid(self, **changes: object) -> Experiment:
        """An experiment of 12 cells."""
        return replace(EXPERIMENT, type=ExperimentType.GRID, space=GRID, budget=12, **changes)

    def suggestion(
        self,
        state: SuggestionState = SuggestionState.QUEUED,
        worker_id: str = "oven",
        expires: datetime = NOW + timedelta(minutes=1),
        **changes: object,
    ) -> Suggestion:
        """Make sug_1, sug_2, …; the attempt and the lease go with the state."""
        number = next(self._suggestions)
        is_leased = state is SuggestionState.LEASED
        suggestion = Suggestion(
            suggestion_id=f"sug_{number}",
            experiment_id="exp_1",
            assignments={"heat": float(number)},
            provenance=Provenance(Generator.SPACE_FILLING, "sobol"),
            state=state,
            attempt=0 if state is SuggestionState.QUEUED else 1,
            lease=Lease(worker_id, NOW, expires) if is_leased else None,
            created=NOW,
        )
        return replace(suggestion, **changes)

    def observation(self, **changes: object) -> Observation:
        """Make obs_1, obs_2, …, of the user's own points."""
        number = next(self._observations)
        observation = Observation(
            observation_id=f"obs_{number}",
            experiment_id="exp_1",
            suggestion_id=None,
            run_id=None,
            assignments={"heat": 1000.0 + number},
            values={"taste": Measurement(0.5)},
            failed=False,
            outside=False,
            metadata={},
            seconds=None,
            created=NOW,
            updated=NOW,
        )
        return replace(observation, **changes)

    def run(self, **changes: object) -> Run:
        """Make run_1, run_2, … of sug_1, sug_2, …"""
        number = next(self._runs)
        run = Run(
            run_id=f"run_{number}",
            experiment_id="exp_1",
            suggestion_id=f"sug_{number}",
            attempt=1,
            name="",
            assignments={"heat": float(number)},
            values={},
            state=RunState.ACTIVE,
            observation_id=None,
            metadata={},
            created=NOW,
            ended=None,
        )
        return replace(run, **changes)


@pytest.fixture
def make() -> Maker:
    return Maker()
