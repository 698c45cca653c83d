"""Hundreds of streams on one experiment cost no more than those that have something to do."""

import asyncio
from collections import Counter
from contextlib import aclosing

import pytest
from tests.support.clock import FakeClock
from tests.support.scripted_optimizer import ScriptedOptimizer
from tests.support.use_cases import Service

from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.domain.limits import Limits
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.transport.suggestion_stream import StreamSettings, SuggestionStreams

WORKERS = 300
SECONDS = 40


class CountedDatabase:
    """Fills the port `Database` and counts how often it is used."""

    def __init__(self, database):
        self._database = database
        self.used = Counter()

    async def transact(self, work):
        self.used["changes"] += 1
        return await self._database.transact(work)

    async def read(self, work):
        self.used["reads"] += 1
        return await self._database.read(work)


class Workers:
    """Workers on streams, each of which evaluates when it is told to."""

    def __init__(self, service):
        self._service = service
        self._streams = SuggestionStreams(
            service.suggestions, service.events, StreamSettings(3600, 60)
        )
        self.held: asyncio.Queue[str] = asyncio.Queue()

    async def work(self, experiment, worker_id):
        async with aclosing(
            self._streams.events(Ask(experiment, worker_id, most_held=1))
        ) as events:
            async for event in events:
                if event.HasField("assigned"):
                    await self.held.put(event.assigned.suggestion.suggestion_id)


@pytest.fixture
async def service(tmp_path):
    services: list[Service] = []
    database = await SqliteDatabase.open(
        tmp_path / "nextpoint.sqlite3",
        on_publish=lambda event: services[0].events.publish(event),  # noqa: PLW0108
    )
    services.append(
        Service(
            CountedDatabase(database),
            ScriptedOptimizer(),
            FakeClock(),
            Limits(),
            max_streams=WORKERS,
        )
    )
    yield services[0]
    await services[0].planner.close()
    await database.close()


async def test_an_outcome_costs_a_few_looks_however_many_streams_are_open(service):
    experiment = await service.define()
    workers = Workers(service)
    async with asyncio.TaskGroup() as tasks:
        streams = [
            tasks.create_task(workers.work(experiment, f"w{number}")) for number in range(WORKERS)
        ]
        # Every worker holds one, so that what comes is that of the outcomes.
        ids = [await asyncio.wait_for(workers.held.get(), SECONDS) for _ in range(WORKERS)]
        service.database.used.clear()

        for suggestion_id in ids[:50]:
            await service.report(await service.suggestions.get(suggestion_id))
            await asyncio.wait_for(workers.held.get(), SECONDS)
        used = dict(service.database.used)
        for stream in streams:
            stream.cancel()

    # For each: the test's own look, two of its worker's stream and one of the planner; the outcome,
    # and a hand-out in two steps. Once the planner finds that it is the model's turn now.
    assert used["reads"] <= 50 * 4 + 1
    assert used["changes"] <= 50 * 3


async def test_the_end_of_an_experiment_costs_few_looks_for_each_stream(service):
    experiment = await service.define(budget=1)
    workers = Workers(service)
    async with asyncio.TaskGroup() as tasks:
        for number in range(WORKERS):
            tasks.create_task(workers.work(experiment, f"w{number}"))
        held = await asyncio.wait_for(workers.held.get(), SECONDS)
        await service.settle()
        service.database.used.clear()

        await service.report(await service.suggestions.get(held))

    assert service.database.used["reads"] <= 3 * WORKERS
