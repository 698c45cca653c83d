"""An optimizer for tests: random points, at once, and a record of what it was asked."""

import random
from collections.abc import Sequence
from statistics import mean
from time import monotonic

from nextpoint_service.application.optimizer_port import (
    Expectations,
    Importances,
    Phase,
    Problem,
    Studied,
)
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    Parameter,
    SearchSpace,
    choices,
)
from nextpoint_service.domain.suggestion import Generator, Prediction, Proposal, Provenance
from nextpoint_service.optimizer.hypervolume import hypervolume

_GENERATORS = {
    Phase.RANDOM: Generator.RANDOM,
    Phase.SPACE_FILLING: Generator.SPACE_FILLING,
    Phase.MODEL: Generator.MODEL,
}


class ScriptedOptimizer:
    """Fills the port `Optimizer` without a model.

    Points do not regard linear constraints, so that `infeasible` says which spaces it refuses.
    """

    def __init__(self, infeasible: str | None = None) -> None:
        self.problems: list[Problem] = []
        self._infeasible = infeasible

    def start(self) -> None:
        """Nothing has to be loaded."""

    async def warm_up(self) -> None:
        """Nothing has to be loaded."""

    async def close(self) -> None:
        """Nothing has to be ended."""

    async def propose(self, problem: Problem) -> list[Proposal]:
        self.problems.append(problem)
        return [
            Proposal(
                _point(problem, problem.index + offset),
                Provenance(
                    _GENERATORS[problem.phase],
                    "scripted",
                    seed=problem.seed,
                    observation_count=len(problem.observations),
                    pending_count=len(problem.pending),
                    fallback_reason=problem.fallback_reason,
                ),
            )
            for offset in range(problem.count)
        ]

    def models_for(self, experiment: Experiment) -> str:
        return experiment.engine.value

    def is_loading(self, models: str) -> bool:  # noqa: ARG002  # there are none
        return False

    async def importances(self, studied: Studied) -> Importances:
        names = [each.name for each in studied.experiment.space.parameters]
        equal = dict.fromkeys(names, 1 / len(names))
        return {each.name: equal for each in studied.experiment.metrics}

    async def expectations(self, studied: Studied) -> Expectations:
        """Expect the mean of what was observed at the same assignments."""
        return [_expected(each, studied) for each in studied.observations]

    async def why_infeasible(self, space: SearchSpace) -> str | None:  # noqa: ARG002
        return self._infeasible

    async def hypervolume(self, gains: Sequence[tuple[float, ...]], seconds: float) -> float | None:
        return hypervolume(gains, until=monotonic() + seconds)


def _expected(observation: Observation, studied: Studied) -> dict[str, Prediction]:
    here = [each for each in studied.observations if each.assignments == observation.assignments]
    return {
        metric: Prediction(mean(each.values[metric].value for each in here), 0.5)
        for metric in observation.values
    }


def _point(problem: Problem, index: int) -> dict[str, Value]:
    draw = random.Random(f"{problem.seed} {index}")  # noqa: S311
    return {each.name: _value(each, draw) for each in problem.experiment.space.parameters}


def _value(parameter: Parameter, draw: random.Random) -> Value:
    match parameter:
        case CategoricalParameter() | BoolParameter():
            return draw.choice(choices(parameter) or ())
        case DoubleParameter(grid=grid) | IntParameter(grid=grid) if grid:
            return draw.choice(grid)
        case DoubleParameter(low=low, high=high):
            return draw.uniform(low, high)
        case IntParameter(low=low, high=high):
            return draw.randint(low, high)
