"""Every pair of features is refused with a reason, or works: docs/matrix.md says which."""

import asyncio

import pytest
from tests.support import features
from tests.support.quick_optimizer import QuickOptimizer
from tests.support.walk import Conduct, Walk

from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

SUPPORTED = [
    *((str(pair), pair.draft, pair.conduct) for pair in features.pairs() if not pair.refusal),
    *(
        (f"one parameter: {one}, {other}", draft, Conduct())
        for one, other, draft in features.one_parameter()
        if not features.refusal(draft)
    ),
]
AT_ONCE = 8
MODELS = 2


def test_the_page_says_what_the_service_does():
    assert features.PAGE.read_text() == features.page(), f"run {features.COMMAND}"


def test_every_feature_is_supported_alone():
    refused = {each.name: features.refusal(each.apply(features.BASE)) for each in features.FEATURES}

    assert not any(refused.values()), refused


async def walk(service, pair):
    """Return what went wrong with a pair, and how many points a model made."""
    name, draft, conduct = pair
    walked = Walk(service, draft, conduct)
    await walked.run(features.TOTAL, at_once=AT_ONCE)
    return [f"{name}: {each}" for each in walked.faults], walked.model_points


@pytest.mark.timeout(900)
async def test_no_suggestion_of_any_pair_breaks_its_definition(start):
    service = await start(QuickOptimizer())

    found = [await walk(service, pair) for pair in SUPPORTED]

    assert [each for faults, _ in found for each in faults] == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_no_point_of_a_model_breaks_its_definition(start):
    pool = OptimizerPool(OptimizerSettings(processes=MODELS, time_box_seconds=120.0))
    pool.start()
    service = await start(pool)
    free = asyncio.Semaphore(MODELS)

    async def walk_when_free(pair):
        async with free:
            return await walk(service, pair)

    try:
        found = await asyncio.gather(*map(walk_when_free, SUPPORTED))
    finally:
        await pool.close()

    assert [each for faults, _ in found for each in faults] == []
    assert sum(points for _, points in found) > len(SUPPORTED)
