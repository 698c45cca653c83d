"""An optimizer for tests that thinks until it is told to answer."""

import asyncio
from collections.abc import Callable, Sequence

from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.application.optimizer_port import Expectations, Importances, Problem, Studied
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal

_SECONDS = 10.0
_Act = Callable[[], object]


class Thought:
    """One question to the optimizer, which waits for the test to decide the answer."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._decided: asyncio.Future[_Act] = asyncio.get_running_loop().create_future()

    def answer(self, meanwhile: _Act = lambda: None) -> None:
        """Let the optimizer return its points, and do something in the moment before."""
        self._decided.set_result(meanwhile)

    def fail(self, error: Exception) -> None:
        """Let the optimizer raise."""
        self._decided.set_exception(error)

    async def decided(self) -> _Act:
        """Return, or raise, what the test decided."""
        return await self._decided


class ControlledOptimizer:
    """Fills the port `Optimizer`; every question comes out of `next_thought`."""

    def __init__(self) -> None:
        self._scripted = ScriptedOptimizer()
        self.loading = False
        self._thoughts: asyncio.Queue[Thought] = asyncio.Queue()
        self.problems: list[Problem] = []

    def start(self) -> None:
        """Nothing has to be loaded."""

    async def warm_up(self) -> None:
        """Nothing has to be loaded."""

    async def close(self) -> None:
        """Nothing has to be ended."""

    async def propose(self, problem: Problem) -> list[Proposal]:
        self.problems.append(problem)
        thought = Thought(problem)
        self._thoughts.put_nowait(thought)
        meanwhile = await thought.decided()
        points = await self._scripted.propose(problem)
        meanwhile()
        return points

    def models_for(self, experiment: Experiment) -> str:
        return self._scripted.models_for(experiment)

    def is_loading(self, models: str) -> bool:  # noqa: ARG002  # all of them alike
        return self.loading

    async def importances(self, studied: Studied) -> Importances:
        return await self._scripted.importances(studied)

    async def expectations(self, studied: Studied) -> Expectations:
        return await self._scripted.expectations(studied)

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        return await self._scripted.why_infeasible(space)

    async def hypervolume(self, gains: Sequence[tuple[float, ...]], seconds: float) -> float | None:
        return await self._scripted.hypervolume(gains, seconds)

    async def next_thought(self) -> Thought:
        """Return the next question, once it is asked."""
        return await asyncio.wait_for(self._thoughts.get(), _SECONDS)
