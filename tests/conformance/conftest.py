"""One suite, several deployments: the tests do not know which."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from tests.support.deployments import ServiceProcess
from tests.support.endings import time_to_end  # noqa: F401  a fixture
from tests.support.scripted_optimizer import ScriptedOptimizer

import nextpoint
from nextpoint_service.bootstrap import running
from nextpoint_service.settings import Settings

_SECONDS = 30.0


class InProcess:
    """A service on a thread of the tests."""

    def __init__(self, database: Path) -> None:
        self._settings = Settings(address="127.0.0.1:0", database=database, lease_seconds=60)
        self._listening: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> str:
        self._thread.start()
        return self._listening.result(_SECONDS)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with running(self._settings, lambda _: ScriptedOptimizer()) as address:
            self._listening.set_result(address)
            await self._stop.wait()

    def disturb(self) -> None:
        """Nothing happens."""

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


class Restarted:
    """A service in a process of its own that is killed and started again when it is disturbed."""

    def __init__(self, database: Path) -> None:
        self._process = ServiceProcess(database, "--lease-seconds=60", "--heartbeat-seconds=1")

    def start(self) -> str:
        self._process.start()
        return self._process.address

    def disturb(self) -> None:
        self._process.kill()
        self._process.start()

    def stop(self) -> None:
        assert self._process.terminate() == 0


@pytest.fixture(params=[InProcess, Restarted], ids=["in process", "killed in between"])
def deployment(request, tmp_path) -> Iterator[InProcess | Restarted]:
    deployed = request.param(tmp_path / "nextpoint.sqlite3")
    deployed.address = deployed.start()
    yield deployed
    deployed.stop()


@pytest.fixture
def client(deployment) -> Iterator[nextpoint.Client]:
    with nextpoint.Client(deployment.address) as connected:
        yield connected
