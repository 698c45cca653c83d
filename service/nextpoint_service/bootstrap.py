"""Builds the whole service from its settings; the only place that names concrete classes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Protocol

import structlog

from nextpoint_service.application.analysis import AnalysisUseCases
from nextpoint_service.application.context import Context
from nextpoint_service.application.events import Events
from nextpoint_service.application.experiments import ExperimentUseCases
from nextpoint_service.application.hand_outs import HandOuts
from nextpoint_service.application.housekeeping import Housekeeping
from nextpoint_service.application.observations import ObservationUseCases
from nextpoint_service.application.optimizer_port import Optimizer
from nextpoint_service.application.planner import Planner
from nextpoint_service.application.planner_settings import PlannerSettings
from nextpoint_service.application.ports import Database
from nextpoint_service.application.runs import RunUseCases
from nextpoint_service.application.suggestions import SuggestionUseCases
from nextpoint_service.domain.ids import IdMaker
from nextpoint_service.optimizer.computing import use_one_thread
from nextpoint_service.optimizer.pool import OptimizerPool, OptimizerSettings
from nextpoint_service.settings import Settings
from nextpoint_service.store.database import SqliteDatabase
from nextpoint_service.transport.server import Server, UseCases, check_address

_log = structlog.get_logger()
_FORGET_SECONDS = 600.0


class RunningOptimizer(Optimizer, Protocol):
    """An optimizer with a life: it begins without waiting, and ends promptly."""

    def start(self) -> None:
        """Begin to load what takes long."""

    async def warm_up(self) -> None:
        """Load what the first points need."""

    async def close(self) -> None:
        """End every process and thread of its own."""


def _pool(settings: Settings) -> RunningOptimizer:
    return OptimizerPool(
        OptimizerSettings(
            processes=settings.model_processes,
            time_box_seconds=settings.model_seconds,
            memory_bytes=settings.model_memory_mb * 1024 * 1024,
            model_observations=settings.model_observations,
            engine_observations=settings.engine_observations,
        )
    )


@asynccontextmanager
async def running(
    settings: Settings, make_optimizer: Callable[[Settings], RunningOptimizer] = _pool
) -> AsyncIterator[str]:
    """Run the service, yield the address that it listens on, and drain it at the end.

    Raises AddressRefused or CannotOpen, and then has left nothing behind.
    """
    check_address(settings.address, insecure=settings.insecure)
    # Before anything loads NumPy, as opening the database does.
    use_one_thread()
    async with AsyncExitStack() as stack:
        database = await SqliteDatabase.open(
            settings.database,
            waiting_limit=settings.waiting_calls,
            on_publish=lambda event: events.publish(event),  # noqa: PLW0108 -- made below
        )
        stack.push_async_callback(database.close)
        optimizer = make_optimizer(settings)
        await optimizer.warm_up()
        optimizer.start()
        stack.push_async_callback(optimizer.close)
        planner = _planner(database, optimizer, settings)
        events = Events(settings.max_streams, planner.learned)
        context = Context(
            database=database,
            optimizer=optimizer,
            now=_now,
            ids=IdMaker(_now, secrets.randbits),
            limits=settings.limits,
            lease=timedelta(seconds=settings.lease_seconds),
        )
        use_cases = _use_cases(context, planner, settings)
        server = Server(settings, use_cases, events)
        housekeeping = Housekeeping(
            context, planner, timedelta(seconds=settings.request_id_seconds)
        )
        leases = await housekeeping.begin()
        address = await server.start()
        stack.push_async_callback(server.stop)
        # Before the calls under way are waited for, since some of them wait for a point or a turn.
        stack.push_async_callback(planner.close)
        stack.push_async_callback(use_cases.analysis.close)
        chores = asyncio.create_task(_keep_house(housekeeping, events, settings.sweep_seconds))
        stack.push_async_callback(_cancel, chores)
        _log.info("started", address=address, database=str(settings.database), leases=leases)
        yield address
        _log.info("stopping")
    _log.info("stopped")


def _planner(database: Database, optimizer: Optimizer, settings: Settings) -> Planner:
    return Planner(
        database,
        optimizer,
        PlannerSettings(
            turns=settings.model_processes,
            turn_seconds=settings.turn_seconds,
            loading_seconds=settings.model_seconds,
            batch=settings.model_batch,
            large_batch=settings.model_large_batch,
            large_batch_seconds=settings.model_large_batch_seconds,
            idle_seconds=settings.idle_seconds,
            waiting_limit=settings.waiting_calls,
        ),
        monotonic,
    )


def _use_cases(context: Context, planner: Planner, settings: Settings) -> UseCases:
    hand_outs = HandOuts(context, planner)
    return UseCases(
        experiments=ExperimentUseCases(context),
        suggestions=SuggestionUseCases(context, hand_outs),
        observations=ObservationUseCases(context),
        runs=RunUseCases(context, hand_outs),
        analysis=AnalysisUseCases(context, waiting_limit=settings.waiting_calls),
    )


async def _keep_house(housekeeping: Housekeeping, events: Events, sweep_seconds: float) -> None:
    forgotten = asyncio.get_running_loop().time()
    while True:
        await asyncio.sleep(sweep_seconds)
        try:
            ended = await housekeeping.sweep(events.connected())
            if ended:
                _log.info("leases ended", count=ended)
            if asyncio.get_running_loop().time() - forgotten > _FORGET_SECONDS:
                forgotten = asyncio.get_running_loop().time()
                await housekeeping.forget()
        except Exception:  # noqa: BLE001 -- the end of the line for this task
            # Nobody waits for this task, and without it leases would never end: whatever went
            # wrong, such as a full disk, is logged and tried again.
            _log.exception("housekeeping failed")


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _now() -> datetime:
    return datetime.now(UTC)
