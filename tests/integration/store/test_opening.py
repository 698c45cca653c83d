"""Opening a file: new, old, newer, somebody else's, or in use."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from nextpoint_service.application.ports import ExperimentFilter, Page
from nextpoint_service.store.connections import connect_writer
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.store.errors import (
    CannotOpen,
    DatabaseInUse,
    ForeignDatabase,
    NewerDatabase,
)
from nextpoint_service.store.migrations import APPLICATION_ID, migrations

OLD_FILES = Path(__file__).parents[1] / "databases"
ALL = Page(limit=1000)


async def opened(path):
    return await SqliteDatabase.open(path, on_publish=print)


def folder(path):
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


async def test_a_file_that_is_not_there_is_made_and_is_all_that_stays(path):
    database = await opened(path)
    await database.close()

    assert list(folder(path)) == ["nextpoint.db"]


async def test_what_was_written_is_there_when_the_file_is_opened_again(path, make):
    for number in range(3):
        database = await opened(path)
        experiment = make.experiment(experiment_id=f"exp_{number}")
        await database.transact(lambda tx, each=experiment: tx.experiments.add(each))
        assert len(
            await database.read(lambda tx: tx.experiments.list(ExperimentFilter(), ALL))
        ) == (number + 1)
        await database.close()


async def test_an_empty_file_is_taken_for_a_new_one(path):
    path.touch()

    database = await opened(path)

    assert await database.read(lambda tx: tx.suggestions.count("exp_1")) == 0
    await database.close()


async def test_a_file_whose_making_was_cut_short_is_made_now(path):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.ensure_migrations_table(Database(connection))
    connection.close()

    database = await opened(path)

    assert await database.read(lambda tx: tx.suggestions.count("exp_1")) == 0
    await database.close()


@pytest.mark.parametrize("pragma", ["journal_mode", "synchronous", "foreign_keys"])
def test_what_was_acknowledged_survives_a_power_cut_and_refers_to_what_is_there(connection, pragma):
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    assert connection.execute(f"PRAGMA {pragma}").fetchone() == (expected[pragma],)


async def test_a_file_of_a_newer_version_is_refused_untouched(path):
    connect_writer(path).close()
    newer = sqlite3.connect(path)
    newer.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('nextpoint', 'version_99', '')"
    )
    newer.commit()
    newer.close()
    before = folder(path)

    with pytest.raises(NewerDatabase, match=r"nextpoint\.db' is at version_99 .* knows version_6 "):
        await opened(path)

    assert folder(path) == before


async def test_the_database_of_another_program_is_refused_untouched(path):
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE experiments (id TEXT)")
    foreign.close()
    before = folder(path)

    with pytest.raises(ForeignDatabase, match=r"nextpoint\.db' is the database of another program"):
        await opened(path)

    assert folder(path) == before


async def test_a_file_that_is_no_database_is_refused_untouched(path):
    path.write_bytes(b"Dear diary, " * 1000)
    before = folder(path)

    with pytest.raises(ForeignDatabase, match=r"nextpoint\.db' is not a database"):
        await opened(path)

    assert folder(path) == before


async def test_a_place_where_no_file_can_be_is_refused_by_name(tmp_path):
    with pytest.raises(CannotOpen, match=r"missing/a\.db' cannot be opened: No such file"):
        await opened(tmp_path / "missing" / "a.db")
    with pytest.raises(CannotOpen, match="cannot be opened: unable to open"):
        await opened(tmp_path)


async def test_a_file_that_another_program_has_locked_is_refused_by_name(path, monkeypatch):
    monkeypatch.setattr("nextpoint_service.store.connections.BUSY_SECONDS", 0.0)
    connect_writer(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(CannotOpen, match=r"nextpoint\.db' is locked by another program"):
        await opened(path)

    other.close()
    await (await opened(path)).close()


async def test_a_file_that_is_open_is_not_opened_twice(path, database):
    link = path.with_name("link.db")
    link.symlink_to(path)

    with pytest.raises(DatabaseInUse, match=r"nextpoint\.db' is in use by another Nextpoint"):
        await opened(path)
    with pytest.raises(DatabaseInUse, match="in use by another Nextpoint"):
        await opened(link)

    assert await database.read(lambda tx: tx.suggestions.count("exp_1")) == 0


@pytest.mark.parametrize("version", sorted(each.stem for each in OLD_FILES.glob("*.db")))
async def test_the_file_of_every_version_opens_with_what_it_held(path, version):
    shutil.copy(OLD_FILES / f"{version}.db", path)

    database = await opened(path)

    [(_, grid), (_, experiment)] = await database.read(
        lambda tx: tx.experiments.list(ExperimentFilter(), ALL)
    )
    assert (experiment.name, grid.type.value) == ("Brötchen", "grid")
    progress = await database.read(lambda tx: tx.experiments.progress(experiment))
    assert (progress.observations, progress.failed, progress.open_suggestions) == (2, 1, 1)
    assert progress.active_runs == 1
    progress = await database.read(lambda tx: tx.experiments.progress(grid))
    assert progress.cells_left == 11
    suggestions = await database.read(
        lambda tx: tx.suggestions.list(experiment.experiment_id, None, ALL)
    )
    assert [each.attempt for _, each in suggestions] == [0, 2, 1]
    [failed, succeeded] = await database.read(
        lambda tx: [each for _, each in tx.observations.list(experiment.experiment_id, ALL)]
    )
    assert failed.assignments == {"heat": -0.0, "minutes": 12}
    assert succeeded.values["taste"].value == 0.1 + 0.2
    assert await database.read(lambda tx: tx.requests.find("request 1")) is not None
    await database.close()


@pytest.mark.parametrize("version", sorted(each.stem for each in OLD_FILES.glob("*.db")))
def test_the_file_of_every_version_becomes_like_a_new_one(tmp_path, version):
    shutil.copy(OLD_FILES / f"{version}.db", tmp_path / "old.db")

    def schema(name):
        connection = connect_writer(tmp_path / name)
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        connection.close()
        return sorted(rows)

    assert schema("old.db") == schema("new.db")


WRITE_AND_SAY = """
import asyncio, sys
from pathlib import Path
from nextpoint_service.application.ports import Remembered
from nextpoint_service.store.database import SqliteDatabase
from datetime import UTC, datetime

async def write(database, worker):
    for number in range(1_000_000):
        name = f"{worker}/{number}"
        remembered = Remembered("m", b"", (name,))
        await database.transact(
            lambda tx: tx.requests.remember(name, remembered, datetime.now(UTC))
        )
        print(name, flush=True)

async def main():
    database = await SqliteDatabase.open(Path(sys.argv[1]), on_publish=print)
    await asyncio.gather(*(write(database, worker) for worker in range(8)))

asyncio.run(main())
"""


async def test_what_a_killed_process_acknowledged_is_there_and_its_lock_is_not(path):
    with subprocess.Popen(  # noqa: ASYNC220 - there is nothing else to do meanwhile
        [sys.executable, "-c", WRITE_AND_SAY, path], stdout=subprocess.PIPE, text=True
    ) as writing:
        acknowledged = [writing.stdout.readline().strip() for _ in range(500)]
        with pytest.raises(DatabaseInUse):
            await opened(path)
        writing.kill()
        *whole_lines, _ = writing.stdout.read().split("\n")
        acknowledged += whole_lines

    database = await opened(path)
    missing = await database.read(
        lambda tx: [name for name in acknowledged if tx.requests.find(name) is None]
    )
    assert missing == []
    await database.close()
    assert list(folder(path)) == ["nextpoint.db"]
