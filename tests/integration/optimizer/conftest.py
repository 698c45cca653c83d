import asyncio

import pytest

from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings


@pytest.fixture(scope="session")
def pool():
    """One pool for all tests: its fork server takes ten seconds to load Ax."""
    pool = OptimizerPool(OptimizerSettings(processes=1))
    pool.start()
    yield pool
    asyncio.run(pool.close())
