import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.integration.optimizer import scripted_models
from tests.integration.optimizer.problems import MODEL, OBSERVATIONS, OF_AX
from tests.integration.optimizer.processes import descendants, is_running
from tests.unit.optimizer.problems import SQUARE, a_problem, at_least

from nextpoint_service.application.optimizer_port import Phase, Studied
from nextpoint_service.domain.errors import ModelUnavailable
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import computing, process, processes
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

SECONDS = 10
"""How late a call may end on a busy machine."""
# Loading Ax takes ten seconds, and many more on a machine that has much to do.
pytestmark = pytest.mark.timeout(240)


async def propose_with(compute, problem=MODEL, **settings):
    limits = OptimizerSettings(**settings)
    pool = OptimizerPool(limits, compute)
    pool.start()
    try:
        await until_loaded(pool)
        async with asyncio.timeout(limits.give_up_seconds + SECONDS):
            (proposal,) = await pool.propose(problem)
    finally:
        await pool.close()
    assert SQUARE.contains(proposal.assignments)
    assert proposal.provenance.generator is Generator.SPACE_FILLING
    return proposal.provenance.fallback_reason


async def until_loaded(pool):
    for _ in range(1000):
        if not pool.is_loading("light"):
            return
        await asyncio.sleep(0.1)
    pytest.fail("the model processes did not load")


@pytest.mark.parametrize(
    ("phase", "generator"),
    [
        (Phase.SPACE_FILLING, Generator.SPACE_FILLING),
        (Phase.RANDOM, Generator.RANDOM),
        (Phase.MODEL, Generator.MODEL),
    ],
)
async def test_each_phase_makes_points_of_its_kind(pool, phase, generator):
    (proposal,) = await pool.propose(a_problem(observations=OBSERVATIONS, phase=phase))

    assert proposal.provenance.generator is generator
    assert proposal.provenance.fallback_reason == ""


async def test_an_infeasible_space_is_explained(pool):
    space = SearchSpace(SQUARE.parameters, (at_least(3.0, a=1.0, b=1.0),))

    assert "linear_constraints[0]" in await pool.why_infeasible(space)
    assert await pool.why_infeasible(SQUARE) is None


async def test_importances_come_from_a_model_process(pool):
    studied = Studied(MODEL.experiment, tuple(OBSERVATIONS), seed=7)

    found = await pool.importances(studied)

    assert found.keys() == {metric.name for metric in MODEL.experiment.metrics}
    assert all(sum(shares.values()) == pytest.approx(1) for shares in found.values())


async def test_expectations_come_from_a_model_process(pool):
    studied = Studied(MODEL.experiment, tuple(OBSERVATIONS), seed=7)

    found = await pool.expectations(studied)

    assert [each.keys() for each in found] == [{"y"}] * len(OBSERVATIONS)


async def test_expectations_without_a_model_are_refused():
    pool = OptimizerPool(OptimizerSettings())
    await pool.close()

    with pytest.raises(ModelUnavailable, match="shutting down"):
        await pool.expectations(Studied(MODEL.experiment, tuple(OBSERVATIONS), seed=7))


async def test_importances_that_take_too_long_are_refused():
    pool = OptimizerPool(OptimizerSettings(time_box_seconds=1e-3))
    pool.start()
    many = Studied(MODEL.experiment, tuple(OBSERVATIONS) * 100, seed=7)
    try:
        await until_loaded(pool)
        with pytest.raises(ModelUnavailable, match="took longer than"):
            await pool.importances(many)
    finally:
        await pool.close()


async def test_calls_at_the_same_time_get_the_same_answers_as_one_by_one(pool):
    alone = await pool.propose(MODEL)

    together = await asyncio.gather(*(pool.propose(MODEL) for _ in range(3)))

    assert together == [alone] * 3


@pytest.mark.parametrize(
    ("problem", "command"),
    [pytest.param(MODEL, "spawn_main", id="light"), pytest.param(OF_AX, "forkserver", id="Ax")],
)
async def test_a_killed_process_is_replaced_and_the_answer_is_the_same(pool, problem, command):
    before = await pool.propose(problem)

    killed = descendants(os.getpid(), command=command, leaves=True)
    for each in killed:
        os.kill(each, signal.SIGKILL)
    after = await pool.propose(problem)

    assert killed

    assert after == before


async def test_a_process_that_dies_again_gives_way_to_another_point():
    assert "process ended" in await propose_with(scripted_models.die)


async def test_an_error_of_the_model_is_the_reason():
    reason = await propose_with(scripted_models.raise_an_error)

    assert reason == ("the model failed with ArithmeticError: the matrix is not positive definite")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (scripted_models.hang, "the model took longer than 0.5 s"),
        (scripted_models.hang_swallowing_errors, "the model took longer than 0.5 s"),
        (scripted_models.hang_deaf, "the model was not done 5.5 s after it was asked for"),
    ],
)
async def test_a_model_that_hangs_is_cut_off(model, why):
    assert await propose_with(model, time_box_seconds=0.5) == why


async def test_who_waits_behind_another_model_waits_no_longer_than_for_one():
    pool = OptimizerPool(OptimizerSettings(time_box_seconds=0.5), scripted_models.hang_deaf)
    pool.start()
    try:
        await until_loaded(pool)
        proposals = await asyncio.gather(*(pool.propose(MODEL) for _ in range(3)))
    finally:
        await pool.close()

    reasons = [proposal.provenance.fallback_reason for (proposal,) in proposals]
    assert reasons.count("the model was not done 5.5 s after it was asked for") == 1
    assert reasons.count("no model process was free in time") == 2


async def _too_late(future, seconds):
    """Give up in the very moment in which there is an answer."""
    await future
    raise TimeoutError


async def test_what_a_model_answers_as_its_caller_gives_up_is_taken(pool, monkeypatch):
    in_time = await pool.propose(MODEL)
    monkeypatch.setattr(processes, "wait_for", _too_late)

    assert await pool.propose(MODEL) == in_time


async def test_who_gives_up_as_the_pool_closes_is_told_that_it_closes(monkeypatch):
    never_started = OptimizerPool(OptimizerSettings())
    monkeypatch.setattr(processes, "wait_for", _too_late)
    asked = asyncio.create_task(never_started.propose(MODEL))
    await asyncio.sleep(0)

    await never_started.close()

    (proposal,) = await asked
    assert proposal.provenance.fallback_reason == "the service is shutting down"


async def test_who_waits_for_a_process_waits_no_longer_than_for_a_model():
    never_started = OptimizerPool(OptimizerSettings(time_box_seconds=0.1))

    (proposal,) = await never_started.propose(MODEL)

    assert proposal.provenance.fallback_reason == "the models were still loading"


async def test_models_load_until_the_first_of_their_kind_is_ready():
    pool = OptimizerPool(OptimizerSettings())
    pool.start()
    try:
        await pool.propose(MODEL)
    finally:
        await pool.close()

    assert not pool.is_loading("light")
    assert pool.is_loading("ax")


async def test_models_that_failed_to_load_are_not_loading(monkeypatch):
    monkeypatch.setattr(computing, "load", scripted_models.fail_loading)
    pool = OptimizerPool(OptimizerSettings())
    assert pool.is_loading("light")
    pool.start()
    try:
        await until_loaded(pool)
    finally:
        await pool.close()


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        pytest.param(scripted_models.take_memory, MODEL, id="of Python"),
        pytest.param(scripted_models.take_memory_of_torch, OF_AX, id="of torch"),
    ],
)
async def test_a_model_that_takes_too_much_memory_is_cut_off(model, problem):
    reason = await propose_with(model, problem, memory_bytes=2 * 2**30, time_box_seconds=120.0)

    assert reason == "the model needed more than 2048 MiB of memory"


async def test_what_a_model_prints_goes_nowhere(capfd):
    await propose_with(scripted_models.print_much)

    assert "printed by a model" not in "".join(capfd.readouterr())


def test_a_process_that_hangs_while_it_loads_is_ended(monkeypatch, tmp_path):
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("PID_FILE", str(pid_file))
    monkeypatch.setattr(computing, "load", scripted_models.hang_loading)
    monkeypatch.setattr(process, "START_SECONDS", 10.0)

    with pytest.raises(TimeoutError):
        process.ModelProcess(process.Kind.LIGHT, OptimizerSettings()).start()

    begun = int(pid_file.read_text())
    until = time.monotonic() + 10
    while is_running(begun) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(begun)


def test_the_command_line_need_not_wait_for_numpy():
    program = (
        "import sys, nextpoint_service.optimizer.pool;"
        "sys.exit('numpy' in sys.modules or 'multiprocessing.forkserver' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_who_waits_when_the_pool_closes_gets_a_point():
    pool = OptimizerPool(OptimizerSettings(), scripted_models.hang)
    pool.start()
    waiting = [asyncio.ensure_future(pool.propose(MODEL)) for _ in range(3)]
    await asyncio.sleep(0)

    await pool.close()

    proposals = [(await each)[0] for each in waiting]
    reasons = {each.provenance.fallback_reason for each in proposals}
    assert reasons == {"the service is shutting down"}
