"""No suggestion breaks its definition, whatever that has together."""

import asyncio

import pytest
from tests.support.builders import NOW
from tests.support.quick_optimizer import QuickOptimizer
from tests.support.random_definitions import definition
from tests.support.walk import Walk

from nextpoint_service.domain.definition import define
from nextpoint_service.domain.limits import Limits
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

FEW = 60
MANY = 500
SUGGESTIONS = 20
AT_ONCE = 16
AT_ONCE_OF_MANY = 10
AT_ONCE_OF_AX = 18
"""A point of Ax takes seconds, so that two have to do."""
MODELS = 2


def by_ax(draft):
    return maker_for(define(draft, Limits(), "exp_1", NOW)) is Maker.AX


async def walk(service, seed, at_once=AT_ONCE):
    """Return the experiment after its walk."""
    draft, conduct = definition(seed)
    walked = Walk(service, draft, conduct)
    await walked.run(SUGGESTIONS, at_once=at_once)
    return walked


def faults(walks):
    return [f"{each.draft.name}: {fault}" for each in walks for fault in each.faults]


@pytest.mark.timeout(900)
async def test_points_of_a_few(start):
    service = await start(QuickOptimizer(models=True))

    walks = [await walk(service, seed) for seed in range(FEW)]

    assert faults(walks) == []
    assert sum(each.model_points for each in walks) > FEW


@pytest.mark.slow
@pytest.mark.timeout(14400)
async def test_points_of_a_model_of_many(start):
    pool = OptimizerPool(OptimizerSettings(processes=MODELS, time_box_seconds=30.0))
    pool.start()
    service = await start(pool)
    free = asyncio.Semaphore(MODELS)

    async def walk_when_free(seed):
        at_once = AT_ONCE_OF_AX if by_ax(definition(seed)[0]) else AT_ONCE_OF_MANY
        async with free:
            return await walk(service, seed, at_once)

    try:
        walks = await asyncio.gather(*map(walk_when_free, range(MANY)))
    finally:
        await pool.close()

    model_points = sum(each.model_points for each in walks)
    late = sum(each.late_points for each in walks)
    print(model_points, "points of models,", late, "too late")  # noqa: T201 -- worth a look
    assert faults(walks) == []
    assert model_points > 3 * MANY
    assert late < model_points / 50
