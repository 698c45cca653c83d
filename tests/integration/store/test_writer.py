"""The writer goes on when the disk is full, a commit fails or another program is in its way."""

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager

import pytest

from nextpoint_service.application.ports import Changed, ExperimentFilter, Page
from nextpoint_service.store.connections import connect_writer
from nextpoint_service.store.errors import StoreError
from nextpoint_service.store.writer import Writer


def adding(experiment):
    def work(tx):
        tx.experiments.add(experiment)
        tx.publish(Changed(experiment.experiment_id))
        return experiment.experiment_id

    return work


def listed(tx):
    return [each.experiment_id for _, each in tx.experiments.list(ExperimentFilter(), Page(1000))]


@asynccontextmanager
async def writer_on(connection, published):
    loop = asyncio.get_running_loop()
    writer = Writer(connection, loop, waiting_limit=100, on_publish=published.append)
    try:
        yield writer
    finally:
        await asyncio.to_thread(writer.close)
        connection.close()


async def test_a_commit_that_fails_fails_everyone_in_the_group_and_nobody_after(
    path, published, make
):
    connection = connect_writer(path)
    connection.executescript(
        """
        CREATE TABLE owed (id TEXT REFERENCES experiments (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER owing AFTER INSERT ON experiments WHEN NEW.name = 'owing'
        BEGIN INSERT INTO owed VALUES ('nobody'); END;
        """
    )
    async with writer_on(connection, published) as writer:
        is_in, hold = threading.Event(), threading.Event()
        held = writer.submit(lambda _: (is_in.set(), hold.wait(10)))
        await asyncio.to_thread(is_in.wait, 10)
        group = [
            writer.submit(adding(make.experiment(experiment_id=f"exp_{name}", name=name)))
            for name in ("a", "owing", "b")
        ]
        hold.set()
        outcomes = await asyncio.gather(held, *group, return_exceptions=True)

        assert [type(each) for each in outcomes[-3:]] == [StoreError] * 3
        assert "FOREIGN KEY" in str(outcomes[-1])
        assert published == []
        assert await writer.submit(adding(make.experiment())) == "exp_1"
        assert await writer.submit(listed) == ["exp_1"]


async def test_a_full_disk_is_an_error_for_whom_it_meets_and_does_not_stop_the_writer(
    path, published, make
):
    connection = connect_writer(path)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    async with writer_on(connection, published) as writer:
        with pytest.raises(StoreError, match="full"):
            await writer.submit(adding(make.experiment(metadata={"text": "x" * 100_000})))

        assert await writer.submit(adding(make.experiment())) == "exp_1"
        assert published == []


class Failing(sqlite3.Connection):
    """Runs out of memory at the first commit."""

    def execute(self, sql, *parameters):
        if sql == "COMMIT":
            raise MemoryError
        return super().execute(sql, *parameters)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_crashes_tells_those_who_wait_and_those_who_come(path, published):
    connect_writer(path).close()
    connection = sqlite3.connect(
        path, factory=Failing, isolation_level=None, check_same_thread=False
    )
    async with writer_on(connection, published) as writer:
        with pytest.raises(StoreError, match="crashed"):
            await writer.submit(lambda _: None)
        with pytest.raises(StoreError, match="crashed"):
            await writer.submit(lambda _: None)


async def test_a_group_that_meets_a_lock_of_another_program_fails_and_the_next_one_does_not(
    path, published, make
):
    connection = connect_writer(path)
    connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with writer_on(connection, published) as writer:
        with pytest.raises(StoreError, match="locked"):
            await writer.submit(adding(make.experiment()))
        other.close()

        assert await writer.submit(adding(make.experiment())) == "exp_1"
