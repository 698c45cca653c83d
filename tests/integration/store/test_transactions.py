"""Changes: grouped, isolated from each other's failures, announced once they are durable."""

import asyncio
import sqlite3
import struct
import threading
from contextlib import asynccontextmanager

import pytest

from nextpoint_service.application.ports import Changed
from nextpoint_service.domain.errors import ExperimentNotFound, Overloaded, ShuttingDown
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.store.errors import StoreError


class Refused(Exception):
    """What a piece of work says when it fails."""


def commits(path):
    """Count the commits in the write-ahead log: https://www.sqlite.org/fileformat2.html#walformat"""
    log = path.with_name(f"{path.name}-wal").read_bytes()
    (page_size,) = struct.unpack(">I", log[8:12])
    (salt,) = struct.unpack(">Q", log[16:24])
    found = 0
    for at in range(32, len(log), 24 + page_size):
        _, pages_after_commit, frame_salt = struct.unpack(">IIQ", log[at : at + 16])
        found += frame_salt == salt and pages_after_commit > 0
    return found


def adding(experiment, event=None):
    def work(tx):
        tx.experiments.add(experiment)
        if event is not None:
            tx.publish(event)
        return experiment.experiment_id

    return work


def failing(work, error):
    def and_fails(tx):
        work(tx)
        raise error

    return and_fails


def listed(tx):
    rows = []
    for number in range(1000):
        try:
            rows.append(tx.experiments.get(f"exp_{number}").experiment_id)
        except ExperimentNotFound:
            continue
    return rows


@asynccontextmanager
async def busy_writer(database):
    """Keep the writer in one change, so that what is handed in meanwhile becomes one group."""
    is_in, go_on = threading.Event(), threading.Event()

    def hold(_):
        is_in.set()
        go_on.wait(10)

    held = asyncio.create_task(database.transact(hold))
    await asyncio.to_thread(is_in.wait, 10)
    try:
        yield
    finally:
        go_on.set()
        await held


async def together(database, works):
    """Run all of it in one group; what fails is returned as its exception."""
    async with busy_writer(database):
        tasks = [asyncio.create_task(database.transact(work)) for work in works]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_transaction_returns_what_its_work_returns(database, make):
    assert await database.transact(adding(make.experiment())) == "exp_1"


async def test_of_500_concurrent_transactions_of_which_45_fail_the_others_are_all_there(
    database, make
):
    works = [adding(make.experiment(experiment_id=f"exp_{each}")) for each in range(500)]
    fails = {each for each in range(500) if each % 11 == 0 and each < 495}
    works = [
        failing(work, Refused(number)) if number in fails else work
        for number, work in enumerate(works)
    ]

    outcomes = await asyncio.gather(
        *(database.transact(work) for work in works), return_exceptions=True
    )

    assert len(fails) == 45
    for number, outcome in enumerate(outcomes):
        if number in fails:
            assert isinstance(outcome, Refused)
            assert outcome.args == (number,)
        else:
            assert outcome == f"exp_{number}"
    assert await database.read(listed) == [f"exp_{n}" for n in range(500) if n not in fails]


async def test_what_waits_while_the_writer_is_busy_shares_one_commit(database, path, make):
    await database.transact(adding(make.experiment(experiment_id="exp_100")))
    before = commits(path)

    await together(
        database, [adding(make.experiment(experiment_id=f"exp_{each}")) for each in range(100)]
    )

    assert commits(path) - before == 1


async def test_work_sees_what_work_before_it_in_the_group_has_written(database, make):
    def take_next(tx):
        tx.experiments.learn("exp_1")
        return tx.experiments.get("exp_1").revision

    await database.transact(adding(make.experiment()))

    assert await together(database, [take_next] * 50) == list(range(2, 52))


async def test_events_are_published_in_order_and_not_those_of_what_failed(
    database, published, make
):
    works = [adding(make.experiment(experiment_id=f"exp_{n}"), Changed(f"{n}")) for n in range(4)]
    works[1] = failing(works[1], Refused())

    await together(database, works)
    await asyncio.sleep(0)

    assert published == [Changed("0"), Changed("2"), Changed("3")]


async def test_events_are_published_once_everyone_can_read_the_change(path, make):
    seen = []

    def look(event):
        with sqlite3.connect(path) as reader:
            seen.append((event, reader.execute("SELECT id FROM experiments").fetchall()))
        reader.close()
        seen.append(threading.current_thread() is threading.main_thread())

    database = await SqliteDatabase.open(path, on_publish=look)
    await database.transact(adding(make.experiment(), Changed("exp_1")))
    await asyncio.sleep(0)
    await database.close()

    assert seen == [(Changed("exp_1"), [("exp_1",)]), True]


async def test_nothing_of_work_that_fails_is_written(database, make):
    def half_done(tx):
        tx.experiments.add(make.experiment())
        tx.suggestions.add(make.suggestion())
        tx.suggestions.add(make.suggestion(experiment_id="exp_2"))

    with pytest.raises(StoreError, match="FOREIGN KEY"):
        await database.transact(half_done)

    assert await database.read(listed) == []


@pytest.mark.parametrize("error", [Refused("no"), asyncio.CancelledError(), GeneratorExit()])
async def test_any_exception_undoes_its_work_and_reaches_its_caller_alone(database, make, error):
    works = [adding(make.experiment(experiment_id=f"exp_{number}")) for number in range(3)]
    works[1] = failing(works[1], error)

    first, second, third = await together(database, works)

    assert (first, third) == ("exp_0", "exp_2")
    assert isinstance(second, type(error))
    assert await database.read(listed) == ["exp_0", "exp_2"]


async def test_work_that_ends_with_stop_iteration_does_not_hang_its_caller(database):
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.transact(lambda _: next(iter(())))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.read(lambda _: next(iter(())))


async def test_a_cancelled_caller_harms_nobody_else(database, make):
    async with busy_writer(database):
        cancelled = asyncio.create_task(database.transact(lambda _: None))
        other = asyncio.create_task(database.transact(adding(make.experiment())))
        await asyncio.sleep(0)
        cancelled.cancel()

    assert await other == "exp_1"
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_too_many_waiting_changes_are_refused_and_the_others_done(path, published, make):
    database = await SqliteDatabase.open(path, waiting_limit=2, on_publish=published.append)
    works = [adding(make.experiment(experiment_id=f"exp_{number}")) for number in range(3)]

    first, second, third = await together(database, works)

    assert (first, second) == ("exp_0", "exp_1")
    assert isinstance(third, Overloaded)
    assert await database.transact(works[2]) == "exp_2"
    await database.close()


async def test_closing_finishes_what_waits_and_takes_nothing_more(path, published, make):
    database = await SqliteDatabase.open(path, on_publish=published.append)
    async with busy_writer(database):
        waiting = asyncio.create_task(database.transact(adding(make.experiment())))
        await asyncio.sleep(0)
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
    await closing

    assert await waiting == "exp_1"
    with pytest.raises(ShuttingDown):
        await database.transact(lambda _: None)
    with pytest.raises(ShuttingDown):
        await database.read(lambda _: None)
