"""The use cases on a real database, with a scripted optimizer and a clock that stands."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest
from tests.support.clock import FakeClock
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.empty_database import make_database
from tests.support.scripted_optimizer import ScriptedOptimizer
from tests.support.use_cases import Service

from nextpoint_service.application.optimizer_port import Optimizer
from nextpoint_service.domain.limits import Limits
from nextpoint_service.store.database import SqliteDatabase

Make = Callable[..., Awaitable[Service]]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    return make_database(tmp_path_factory.mktemp("empty") / "nextpoint.sqlite3")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def start(tmp_path: Path, empty_database: Path, clock: FakeClock) -> AsyncIterator[Make]:
    """Starts services, each on a file of its own."""
    async with AsyncExitStack() as stack:
        numbers = count(1)

        async def start_service(
            optimizer: Optimizer | None = None,
            limits: Limits | None = None,
            **settings: float,
        ) -> Service:
            services: list[Service] = []
            path = shutil.copy(empty_database, tmp_path / f"{next(numbers)}.sqlite3")
            database = await SqliteDatabase.open(
                path,
                on_publish=lambda event: services[0].events.publish(event),  # noqa: PLW0108
            )
            stack.push_async_callback(database.close)
            services.append(
                Service(
                    database,
                    optimizer or ScriptedOptimizer(),
                    clock,
                    limits or Limits(),
                    **settings,
                )
            )
            stack.push_async_callback(services[0].planner.close)
            stack.push_async_callback(services[0].analysis.close)
            return services[0]

        yield start_service


@pytest.fixture
async def service(start: Make) -> Service:
    return await start()


@pytest.fixture
async def thinking(start: Make) -> Service:
    """A service whose optimizer answers when the test says so."""
    return await start(ControlledOptimizer())
