"""The real optimizer without its models: every point is a space-filling or a random one."""

import asyncio
from dataclasses import replace

from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.application.ports import Phase, Problem
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer import feasibility, space_filling


class QuickOptimizer(ScriptedOptimizer):
    """Fills the port `Optimizer` as the service does while Ax is loading."""

    async def propose(self, problem: Problem) -> list[Proposal]:
        self.problems.append(problem)
        if problem.phase is Phase.MODEL:
            problem = replace(problem, phase=Phase.SPACE_FILLING, fallback_reason="no model")
        return await asyncio.to_thread(space_filling.propose, problem)

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        return await asyncio.to_thread(feasibility.why_infeasible, space)
