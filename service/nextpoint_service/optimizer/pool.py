"""Fills the port to the optimizer with threads for light work and processes for models."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TypeVar

import structlog

from nextpoint_service.application.optimizer_port import (
    Expectations,
    Importances,
    Phase,
    Problem,
    Studied,
)
from nextpoint_service.domain.errors import ModelUnavailable
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.branches import flattened, flattened_study, pruned
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.computing import (
    Compute,
    Failure,
    compute_expectations,
    compute_importances,
    compute_model,
)
from nextpoint_service.optimizer.process import Kind
from nextpoint_service.optimizer.processes import ModelProcesses
from nextpoint_service.optimizer.settings import OptimizerSettings

__all__ = ["OptimizerPool", "OptimizerSettings"]

T = TypeVar("T")

_log = structlog.get_logger()


class OptimizerPool:
    """Makes points: space-filling ones in threads of the server, models in other processes.

    Models of our own have processes that begin in a second. Ax is loaded, beside these, when the
    first experiment that needs it asks for a point: its space-filling points are evaluated
    meanwhile. `compute` is what a model process runs; it has to be a function of a module.
    """

    def __init__(self, settings: OptimizerSettings, compute: Compute = compute_model) -> None:
        self._compute = compute
        self._light = ModelProcesses(Kind.LIGHT, settings)
        self._ax = ModelProcesses(Kind.AX, settings)

    def start(self) -> None:
        """Begin the processes for models of our own, without waiting for them."""
        self._light.start()

    async def warm_up(self) -> None:
        """Load what points without a model need: a second of imports, which the first would pay."""
        await asyncio.to_thread(_warm_up)

    async def close(self) -> None:
        """End the threads and processes; who waits for a model gets a point without one."""
        await asyncio.gather(self._light.close(), self._ax.close())

    async def propose(self, problem: Problem) -> Sequence[Proposal]:
        """Return points; a space-filling one with the reason stands in for a missing model."""
        return pruned(problem.experiment.space, await self._propose(flattened(problem)))

    async def _propose(self, problem: Problem) -> Sequence[Proposal]:
        needs_ax = _kind_for(problem.experiment) is Kind.AX
        if needs_ax and problem.phase is not Phase.RANDOM:
            self._ax.start()
        if problem.phase is not Phase.MODEL:
            return await asyncio.to_thread(_space_filling, problem)
        processes = self._ax if needs_ax else self._light
        experiment_id = problem.experiment.experiment_id
        result = await processes.compute(experiment_id, partial(self._compute, problem))
        if not isinstance(result, Failure):
            return result
        _log.warning("model_failed", experiment=experiment_id, reason=result.reason)
        instead = replace(problem, phase=Phase.SPACE_FILLING, fallback_reason=result.reason)
        return await asyncio.to_thread(_space_filling, instead)

    def models_for(self, experiment: Experiment) -> str:
        """Name the kind of processes that make the model points of such experiments."""
        return str(_kind_for(experiment).value)

    def is_loading(self, models: str) -> bool:
        """Whether all processes of the kind are still on their way."""
        return (self._ax if models == Kind.AX.value else self._light).is_loading

    async def importances(self, studied: Studied) -> Importances:
        """Say which parameters move which metrics, or raise ModelUnavailable."""
        return await self._analysed(flattened_study(studied), compute_importances)

    async def expectations(self, studied: Studied) -> Expectations:
        """Say what a model expects at each observation, or raise ModelUnavailable."""
        return await self._analysed(flattened_study(studied), compute_expectations)

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        """Say why the linear constraints leave no point, or return None when they leave one."""
        return await asyncio.to_thread(_why_infeasible, space)

    async def hypervolume(self, gains: Sequence[tuple[float, ...]], seconds: float) -> float | None:
        """Return the volume of the union of the boxes; None when it takes too long."""
        return await asyncio.to_thread(_hypervolume, gains, monotonic() + seconds)

    async def _analysed(
        self, studied: Studied, compute: Callable[[Studied, OptimizerSettings], T]
    ) -> T:
        experiment_id = studied.experiment.experiment_id
        result = await self._light.compute(experiment_id, partial(compute, studied))
        if isinstance(result, Failure):
            raise ModelUnavailable(experiment_id, result.reason)
        return result


def _kind_for(experiment: Experiment) -> Kind:
    return Kind.AX if maker_for(experiment) is Maker.AX else Kind.LIGHT


def _space_filling(problem: Problem) -> Sequence[Proposal]:
    # NumPy takes a tenth of a second, which the command line need not wait for.
    from nextpoint_service.optimizer import space_filling  # noqa: PLC0415

    return space_filling.propose(problem)


def _why_infeasible(space: SearchSpace) -> str | None:
    from nextpoint_service.optimizer import feasibility  # noqa: PLC0415

    return feasibility.why_infeasible(space)


def _hypervolume(gains: Sequence[tuple[float, ...]], until: float) -> float | None:
    from nextpoint_service.optimizer import hypervolume  # noqa: PLC0415

    return hypervolume.hypervolume(gains, until=until)


def _warm_up() -> None:
    from nextpoint_service.optimizer import space_filling  # noqa: F401, PLC0415
