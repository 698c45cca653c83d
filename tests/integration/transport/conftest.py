"""A whole service behind real gRPC, with a scripted optimizer."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from tests.support.empty_database import make_database
from tests.support.grpc_service import Api
from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.bootstrap import RunningOptimizer, running
from nextpoint_service.settings import Settings

Serve = Callable[..., Awaitable[Api]]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    return make_database(tmp_path_factory.mktemp("empty") / "nextpoint.sqlite3")


@pytest.fixture
async def serve(tmp_path: Path, empty_database: Path) -> AsyncIterator[Serve]:
    """Starts services on one file, each with settings of its own, and connects to them.

    Leaving `api.service` stops one before the test ends.
    """
    database = shutil.copy(empty_database, tmp_path / "nextpoint.sqlite3")
    async with AsyncExitStack() as stack:

        async def start(optimizer: RunningOptimizer | None = None, **changes: object) -> Api:
            fields = {
                "address": "127.0.0.1:0",
                "database": database,
                "drain_seconds": 5.0,
                "sweep_seconds": 0.02,
            }
            service = await stack.enter_async_context(AsyncExitStack())
            address = await service.enter_async_context(
                running(Settings(**(fields | changes)), lambda _: optimizer or ScriptedOptimizer())
            )
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            api = Api(channel)
            api.address = address
            api.service = service
            return api

        yield start


@pytest.fixture
async def api(serve: Serve) -> Api:
    return await serve()
