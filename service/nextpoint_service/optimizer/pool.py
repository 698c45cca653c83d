"""Fills the port to the optimizer with threads for light work and processes for models."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

import structlog

from nextpoint_service.application.ports import (
    Expectations,
    Importances,
    Phase,
    Problem,
    Studied,
)
from nextpoint_service.domain.errors import ModelUnavailable
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.process import GRACE_SECONDS, ModelProcess
from nextpoint_service.optimizer.settings import OptimizerSettings
from nextpoint_service.optimizer.worker import (
    SHUTTING_DOWN,
    Compute,
    Failure,
    Work,
    compute_expectations,
    compute_importances,
    compute_model,
    too_long,
)

__all__ = ["OptimizerPool", "OptimizerSettings"]

T = TypeVar("T")

_JOIN_SECONDS = 1.0
_NOT_BEGUN = "no model process was free in time"

_log = structlog.get_logger()


class OptimizerPool:
    """Makes points: space-filling ones in threads of the server, models in other processes.

    Models wait for the fork server to load Ax; other points never do. `compute` is what a model
    process runs; it has to be a function of a module.
    """

    def __init__(self, settings: OptimizerSettings, compute: Compute = compute_model) -> None:
        # What each job returns is known to whoever waits for its future.
        self._jobs: SimpleQueue[tuple[Future[Any], Work[Any]] | None] = SimpleQueue()
        self._compute = compute
        self._processes = [ModelProcess(settings) for _ in range(settings.processes)]
        # A thread that waits for Ax to load must not hold up the end of the server.
        self._threads = [
            Thread(target=self._serve, args=(process,), name="model", daemon=True)
            for process in self._processes
        ]
        self._settings = settings
        self._closed = Event()

    def start(self) -> None:
        """Begin to load Ax, without waiting for it."""
        for thread in self._threads:
            thread.start()

    async def warm_up(self) -> None:
        """Load what points without a model need: a second of imports, which the first would pay."""
        await asyncio.to_thread(_warm_up)

    async def close(self) -> None:
        """End the threads and processes; who waits for a model gets a point without one."""
        self._closed.set()
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None and job[0].set_running_or_notify_cancel():
                job[0].set_result(SHUTTING_DOWN)
        for process in self._processes:
            self._jobs.put(None)
            process.close()
        await asyncio.to_thread(self._join)

    async def propose(self, problem: Problem) -> Sequence[Proposal]:
        """Return points; a space-filling one with the reason stands in for a missing model."""
        if problem.phase is not Phase.MODEL:
            return await asyncio.to_thread(_space_filling, problem)
        result = await self._in_process(partial(self._compute, problem))
        if not isinstance(result, Failure):
            return result
        _log.warning(
            "model_failed", experiment=problem.experiment.experiment_id, reason=result.reason
        )
        instead = replace(problem, phase=Phase.SPACE_FILLING, fallback_reason=result.reason)
        return await asyncio.to_thread(_space_filling, instead)

    async def importances(self, studied: Studied) -> Importances:
        """Say which parameters move which metrics, or raise ModelUnavailable."""
        return await self._analysed(studied, compute_importances)

    async def expectations(self, studied: Studied) -> Expectations:
        """Say what a model expects at each observation, or raise ModelUnavailable."""
        return await self._analysed(studied, compute_expectations)

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        """Say why the linear constraints leave no point, or return None when they leave one."""
        return await asyncio.to_thread(_why_infeasible, space)

    async def hypervolume(self, gains: Sequence[tuple[float, ...]], seconds: float) -> float | None:
        """Return the volume of the union of the boxes; None when it takes too long."""
        return await asyncio.to_thread(_hypervolume, gains, monotonic() + seconds)

    async def _analysed(
        self, studied: Studied, compute: Callable[[Studied, OptimizerSettings], T]
    ) -> T:
        result = await self._in_process(partial(compute, studied))
        if isinstance(result, Failure):
            raise ModelUnavailable(studied.experiment.experiment_id, result.reason)
        return result

    async def _in_process(self, work: Work[T]) -> T | Failure:
        if self._closed.is_set():
            return SHUTTING_DOWN
        future: Future[T | Failure] = Future()
        self._jobs.put((future, work))
        # From here on, and not from when it is begun: Ax may load, and others may be first.
        seconds = self._settings.time_box_seconds + GRACE_SECONDS
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:
            return too_long(self._settings) if future.running() else Failure(_NOT_BEGUN)

    def _serve(self, process: ModelProcess) -> None:
        """Do one job after another, on a thread that belongs to the process."""
        try:
            process.start()
        except (BrokenProcessPool, EOFError, OSError) as error:
            # Every job will try again, and say so if that fails too.
            _log.warning("model_not_loaded", error=repr(error))
        while not self._closed.is_set() and (job := self._jobs.get()) is not None:
            future, work = job
            if future.set_running_or_notify_cancel():
                future.set_result(_computed(process, work))
        process.end()

    def _join(self) -> None:
        deadline = monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - monotonic()))


def _computed(process: ModelProcess, work: Work[T]) -> T | Failure:
    try:
        return process.compute(work)
    except Exception as error:  # noqa: BLE001  # the border of the pool
        _log.exception("model_process_failed")
        return Failure(f"the model could not be computed: {type(error).__name__}")


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
    from nextpoint_service.optimizer import space_filling  # noqa: PLC0415

    space_filling.warm_up()
