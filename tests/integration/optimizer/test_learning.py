"""Where model processes learn, and when."""

import asyncio
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from tests.integration.optimizer import scripted_models
from tests.unit.optimizer.problems import a_problem, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.optimizer import process
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings
from nextpoint_service.optimizer.process import Kind, ModelProcess

pytestmark = pytest.mark.timeout(240)

MODEL = a_problem(observations=[observed({"a": 0.1, "b": 0.9}, y=0.1)], phase=Phase.MODEL)


def test_a_process_learns_ahead_after_it_has_answered(monkeypatch):
    monkeypatch.setattr(process, "_AHEAD_SECONDS", 60.0)
    light = ModelProcess(Kind.LIGHT, OptimizerSettings())
    try:
        for count in (111, 112):
            light.compute(partial(scripted_models.learn_from, count))

        assert light.compute(partial(scripted_models.has_learned_from, 112))
    finally:
        light.end()


async def test_what_is_learned_of_an_experiment_is_learned_in_one_process():
    pool = OptimizerPool(OptimizerSettings(processes=2), scripted_models.fail_with_the_pid)
    other = replace(MODEL, experiment=replace(MODEL.experiment, experiment_id="exp_other"))

    async def process_of(problem):
        return (await pool.propose(problem))[0].provenance.fallback_reason

    pool.start()
    try:
        for _ in range(1000):
            both = await asyncio.gather(process_of(MODEL), process_of(other))
            if len(set(both)) == 2:
                break
            await asyncio.sleep(0.05)
        assert len(set(both)) == 2
        mine, others = [both[0]], [both[1]]
        for _ in range(20):
            mine += [await process_of(MODEL), await process_of(MODEL)]
            others.append(await process_of(other))
    finally:
        await pool.close()

    # Work that comes before its process waits for more is done by another one, and so from then on.
    assert moves(mine) + moves(others) <= 4


def moves(processes):
    return sum(one != other for one, other in pairwise(processes))
