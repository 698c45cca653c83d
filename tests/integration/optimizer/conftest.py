import asyncio

import pytest
from tests.unit.optimizer.problems import a_problem, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Engine
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings

_TIME_BOX_SECONDS = 60.0
"""Twice what a service gives its models: a busy machine takes longer by the clock."""
_TRIES = 3
"""Each waits as long as a model may take."""


@pytest.fixture(scope="session")
def pool():
    """One pool for all tests: its fork server takes ten seconds to load Ax, or many more."""
    pool = OptimizerPool(OptimizerSettings(time_box_seconds=_TIME_BOX_SECONDS))
    pool.start()
    asyncio.run(_load_ax(pool))
    yield pool
    asyncio.run(pool.close())


async def _load_ax(pool):
    made = [observed({"a": x, "b": x}, y=x) for x in (0.1, 0.9)]
    problem = a_problem(observations=made, phase=Phase.MODEL, engine=Engine.AX)
    for _ in range(_TRIES):
        (proposal,) = await pool.propose(problem)
        if proposal.provenance.generator is Generator.MODEL:
            return
    pytest.fail("Ax was not loaded")
