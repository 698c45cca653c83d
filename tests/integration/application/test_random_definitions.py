"""No suggestion breaks its definition, whatever that has together."""

import asyncio

import pytest
from tests.support.quick_optimizer import QuickOptimizer
from tests.support.random_definitions import definition
from tests.support.walk import Walk

from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

FEW = 60
MANY = 500
SUGGESTIONS = 20
AT_ONCE = 16
AT_ONCE_OF_MANY = 18
"""Of several objectives a point of Ax takes seconds, so that two have to do."""
MODELS = 2


async def walk(service, seed, at_once=AT_ONCE):
    """Return what went wrong, and how many points a model made."""
    draft, conduct = definition(seed)
    walked = Walk(service, draft, conduct)
    await walked.run(SUGGESTIONS, at_once=at_once)
    return [f"seed {seed}: {each}" for each in walked.faults], walked.model_points


@pytest.mark.timeout(300)
async def test_points_of_a_few(start):
    service = await start(QuickOptimizer(models=True))

    found = [await walk(service, seed) for seed in range(FEW)]

    assert [each for faults, _ in found for each in faults] == []
    assert sum(points for _, points in found) > FEW


@pytest.mark.slow
@pytest.mark.timeout(14400)
async def test_points_of_a_model_of_many(start):
    pool = OptimizerPool(OptimizerSettings(processes=MODELS, time_box_seconds=30.0))
    pool.start()
    service = await start(pool)
    free = asyncio.Semaphore(MODELS)

    async def walk_when_free(seed):
        async with free:
            return await walk(service, seed, AT_ONCE_OF_MANY)

    try:
        found = await asyncio.gather(*map(walk_when_free, range(MANY)))
    finally:
        await pool.close()

    assert [each for faults, _ in found for each in faults] == []
    assert sum(points for _, points in found) > MANY
