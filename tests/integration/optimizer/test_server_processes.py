"""What a server's models load and leave behind, each in a server of its own."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager, suppress

import pytest
from tests.integration.optimizer.processes import descendants, is_running

# Loading Ax takes ten seconds, and many more on a machine that has much to do.
pytestmark = pytest.mark.timeout(240)

SECONDS = 60
"""How late a process may end on a busy machine."""


async def test_ax_is_not_loaded_for_models_of_our_own():
    work = "pool.start(); await pool.propose(MODEL); await asyncio.sleep(0.5)"
    async with _a_server(work) as server:
        assert not descendants(server.pid, command="forkserver")


async def test_ax_is_loaded_from_the_first_point_on_of_an_experiment_that_needs_it():
    async with _a_server("pool.start(); await pool.propose(START_OF_AX)") as server:
        assert await _children(server, "forkserver", 1)


async def test_a_server_that_is_killed_leaves_no_process_behind():
    work = "pool.start(); await asyncio.gather(pool.propose(MODEL), pool.propose(OF_AX))"
    async with _a_server(work) as server:
        below = descendants(server.pid)

        server.kill()

        assert len(below) >= 4
        await _until_gone(below)


async def test_a_server_that_is_killed_leaves_no_warning_behind(capfd):
    async with _a_server("pool.start(); await pool.propose(MODEL)") as server:
        below = descendants(server.pid)

        server.kill()

        # Python's own process that removes semaphores is one of them.
        await _until_gone(below)
        assert "leaked" not in capfd.readouterr().err


async def test_a_server_that_is_killed_while_it_loads_leaves_no_process_behind():
    work = "pool.start(); await pool.propose(START_OF_AX); await asyncio.sleep(1)"
    async with _a_server(work) as server:
        below = descendants(server.pid)

        server.kill()

        assert below
        await _until_gone(below)


@pytest.mark.parametrize(
    ("problem", "command", "count"),
    [
        pytest.param("MODEL", "spawn_main", 1, id="light"),
        pytest.param("OF_AX", "forkserver", 2, id="Ax"),
    ],
)
async def test_a_process_whose_server_is_killed_before_it_had_work_ends(problem, command, count):
    work = (
        "from concurrent.futures.process import _ExecutorManagerThread as Manager;"
        "assert Manager.add_call_item_to_queue;"
        "Manager.add_call_item_to_queue = lambda self: None;"
        f"pool.start(); waiting = asyncio.create_task(pool.propose({problem}))"
    )
    async with _a_server(work) as server:
        below = await _children(server, command, count)

        server.kill()

        await _until_gone(below)


async def test_a_server_that_closes_while_it_loads_does_not_wait_for_it():
    work = (
        "pool.start(); await pool.propose(MODEL); await pool.propose(START_OF_AX);"
        "print('done', flush=True);"
        "await asyncio.to_thread(sys.stdin.readline); await pool.close(); return"
    )
    async with _a_server(work) as server:
        loading = await _children(server, "forkserver", 1)
        below = descendants(server.pid)
        for each in loading:
            os.kill(each, signal.SIGSTOP)

        server.stdin.write(b"close\n")

        assert await _exit_status(server) == 0
        for each in loading:
            os.kill(each, signal.SIGCONT)
        await _until_gone(below)


async def test_a_server_never_imports_torch():
    work = (
        "pool.start(); await pool.propose(MODEL); await pool.propose(OF_AX);"
        "assert not {'ax', 'torch', 'pandas'} & sys.modules.keys(); await pool.close(); return"
    )
    async with _a_server(work) as server:
        assert await _exit_status(server) == 0


@asynccontextmanager
async def _a_server(work):
    """Yield a process that has done the work and waits, or one that ends if it returns."""
    program = f"""
import asyncio, sys
from tests.integration.optimizer.problems import MODEL, OF_AX, START_OF_AX
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

async def work(pool):
    {work}
    print("done", flush=True)
    await asyncio.sleep(240)

asyncio.run(work(OptimizerPool(OptimizerSettings(time_box_seconds=120.0))))
"""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    try:
        # Before it says that it has done the work it may log what it likes.
        while (await server.stdout.readline()) not in (b"done\n", b""):
            pass
        yield server
    finally:
        # All that it began, which write to the same pipe.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        await server.communicate()


async def _children(server, command, count):
    """Return the processes below the server, as soon as there are so many."""
    for _ in range(2000):
        if len(found := descendants(server.pid, command=command)) >= count:
            return found
        await asyncio.sleep(0.05)
    pytest.fail("the processes did not begin")


async def _exit_status(server):
    # `wait` would wait for all that has the same output.
    until = time.monotonic() + SECONDS
    while server.returncode is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    return server.returncode


async def _until_gone(processes):
    until = time.monotonic() + SECONDS
    while left := [each for each in processes if is_running(each)]:
        assert time.monotonic() < until, left
        await asyncio.sleep(0.05)
