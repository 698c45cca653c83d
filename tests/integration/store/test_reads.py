"""Reads: one state of the database each, and no waiting for the writer."""

import asyncio
import threading

import pytest

from nextpoint_service.application.ports import Changed
from nextpoint_service.domain.errors import Overloaded
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.store.errors import StoreError


async def test_a_read_sees_what_was_acknowledged_before_it(database, make):
    await database.transact(lambda tx: tx.experiments.add(make.experiment()))

    for revision in range(2, 52):
        await database.transact(lambda tx: tx.experiments.learn("exp_1"))
        experiment = await database.read(lambda tx: tx.experiments.get("exp_1"))
        assert experiment.revision == revision


async def test_a_read_sees_one_state_however_long_it_takes(database, make):
    await database.transact(lambda tx: tx.experiments.add(make.experiment()))
    has_begun, go_on = threading.Event(), threading.Event()

    def read_twice(tx):
        first = tx.experiments.get("exp_1").revision
        has_begun.set()
        go_on.wait(10)
        return first, tx.experiments.get("exp_1").revision

    reading = asyncio.create_task(database.read(read_twice))
    await asyncio.to_thread(has_begun.wait, 10)
    await database.transact(lambda tx: tx.experiments.learn("exp_1"))
    go_on.set()

    assert await reading == (1, 1)
    assert (await database.read(lambda tx: tx.experiments.get("exp_1"))).revision == 2


async def test_a_read_waits_for_no_writer_and_sees_nothing_uncommitted(database, make):
    await database.transact(lambda tx: tx.experiments.add(make.experiment()))
    has_written, go_on = threading.Event(), threading.Event()

    def write_slowly(tx):
        tx.experiments.learn("exp_1")
        has_written.set()
        go_on.wait(10)

    writing = asyncio.create_task(database.transact(write_slowly))
    await asyncio.to_thread(has_written.wait, 10)

    experiment = await database.read(lambda tx: tx.experiments.get("exp_1"))

    assert experiment.revision == 1
    assert not writing.done()
    go_on.set()
    await writing


async def test_a_read_can_change_and_announce_nothing(database, published, make):
    with pytest.raises(StoreError, match="readonly"):
        await database.read(lambda tx: tx.experiments.add(make.experiment()))
    with pytest.raises(StoreError, match="read"):
        await database.read(lambda tx: tx.publish(Changed("exp_1")))

    assert published == []


async def test_a_read_that_fails_leaves_its_connection_usable(path, published):
    database = await SqliteDatabase.open(path, readers=1, on_publish=published.append)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await database.read(lambda tx: tx.suggestions.count("exp_1") / 0)

    assert await database.read(lambda tx: tx.suggestions.count("exp_1")) == 0
    await database.close()


async def test_too_many_waiting_reads_are_refused_and_the_others_done(path, published):
    database = await SqliteDatabase.open(
        path, readers=1, waiting_limit=2, on_publish=published.append
    )
    go_on = threading.Event()
    reads = [asyncio.create_task(database.read(lambda _: go_on.wait(10))) for _ in range(3)]
    await asyncio.sleep(0)
    go_on.set()

    first, second, third = await asyncio.gather(*reads, return_exceptions=True)

    assert (first, second) == (True, True)
    assert isinstance(third, Overloaded)
    await database.close()
