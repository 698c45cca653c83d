"""The real optimizer without processes: with the models of our own at most, never with Ax."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer import feasibility, space_filling
from nextpoint_service.optimizer.branches import flattened, pruned
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.computing import compute_model
from nextpoint_service.optimizer.settings import OptimizerSettings


class QuickOptimizer(ScriptedOptimizer):
    """Fills the port `Optimizer`; space-filling points stand in for those of a model.

    With `models`, points come from one wherever it is not Ax, and what fails there is raised.
    """

    def __init__(self, *, models: bool = False) -> None:
        super().__init__()
        self._models = models

    async def propose(self, problem: Problem) -> Sequence[Proposal]:
        self.problems.append(problem)
        return pruned(problem.experiment.space, await self._propose(flattened(problem)))

    async def _propose(self, problem: Problem) -> Sequence[Proposal]:
        if problem.phase is Phase.MODEL:
            if self._models and maker_for(problem.experiment) is not Maker.AX:
                return await asyncio.to_thread(compute_model, problem, OptimizerSettings())
            problem = replace(problem, phase=Phase.SPACE_FILLING, fallback_reason="no model")
        return await asyncio.to_thread(space_filling.propose, problem)

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        return await asyncio.to_thread(feasibility.why_infeasible, space)
