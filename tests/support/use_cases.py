"""Every use case with the optimizer and the clock of the test, and short ways to call them."""

import asyncio
import random
from datetime import timedelta

from tests.support.clock import FakeClock

from nextpoint_service.application.analysis import AnalysisUseCases
from nextpoint_service.application.context import Context
from nextpoint_service.application.events import Events
from nextpoint_service.application.experiments import ExperimentUseCases
from nextpoint_service.application.hand_outs import Ask, HandOuts
from nextpoint_service.application.housekeeping import Housekeeping
from nextpoint_service.application.idempotency import NOT_REPEATED, Call
from nextpoint_service.application.observations import ObservationUseCases
from nextpoint_service.application.optimizer_port import Optimizer
from nextpoint_service.application.planner import Planner
from nextpoint_service.application.planner_settings import PlannerSettings
from nextpoint_service.application.ports import Database
from nextpoint_service.application.runs import NewRun, RunUseCases
from nextpoint_service.application.suggestions import HandOut, SuggestionUseCases
from nextpoint_service.domain.definition import ExperimentChange, ExperimentDraft
from nextpoint_service.domain.experiment import ExperimentType, Progress
from nextpoint_service.domain.ids import IdMaker
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.report import ObservationDraft, ValueDraft
from nextpoint_service.domain.run import Run
from nextpoint_service.domain.suggestion import Suggestion

LEASE = timedelta(seconds=60)
BATCH = 4
LARGE_BATCH = 16
LARGE_BATCH_SECONDS = 0.25
REQUEST_ID_AGE = timedelta(hours=24)

LINE = (ParameterDraft("x", "double", bounds=(0.0, 1.0)),)


class Service:
    """Every use case, and the short ways in which tests call them."""

    def __init__(
        self,
        database: Database,
        optimizer: Optimizer,
        clock: FakeClock,
        limits: Limits,
        *,
        idle_seconds: float = 600.0,
        max_streams: int = 3,
        waiting_limit: int = 300,
        turns: int = 1,
        turn_seconds: float = 300.0,
        loading_seconds: float = 300.0,
    ) -> None:
        self.clock = clock
        self.optimizer = optimizer
        self.database = database
        self.planner = Planner(
            database,
            optimizer,
            PlannerSettings(
                turns=turns,
                turn_seconds=turn_seconds,
                loading_seconds=loading_seconds,
                batch=BATCH,
                large_batch=LARGE_BATCH,
                large_batch_seconds=LARGE_BATCH_SECONDS,
                idle_seconds=idle_seconds,
                waiting_limit=waiting_limit,
            ),
            clock=lambda: clock().timestamp(),
        )
        self.events = Events(max_streams, learned=self.planner.learned)
        # Seeded: which ids are drawn decides which points are.
        self.context = Context(
            database=database,
            optimizer=optimizer,
            now=clock,
            ids=IdMaker(clock, random.Random(0).getrandbits),  # noqa: S311
            limits=limits,
            lease=LEASE,
        )
        hand_outs = HandOuts(self.context, self.planner)
        self.experiments = ExperimentUseCases(self.context)
        self.suggestions = SuggestionUseCases(self.context, hand_outs)
        self.observations = ObservationUseCases(self.context)
        self.runs = RunUseCases(self.context, hand_outs)
        self.analysis = AnalysisUseCases(self.context, waiting_limit=waiting_limit)
        self.housekeeping = Housekeeping(self.context, self.planner, REQUEST_ID_AGE)

    async def define(self, call: Call = NOT_REPEATED, **changes: object) -> str:
        """Create an experiment with one parameter, and return its id."""
        draft = {"name": "bread", "parameters": LINE, "metrics": (MetricDraft("taste"),)} | changes
        return (
            await self.experiments.create(ExperimentDraft(**draft), call)
        ).experiment.experiment_id

    async def define_grid(self, *sizes: int) -> str:
        """Create a grid experiment of so many values in each parameter, p0, p1, …"""
        parameters = tuple(
            ParameterDraft(f"p{index}", "int", grid=tuple(map(float, range(size))))
            for index, size in enumerate(sizes)
        )
        return await self.define(type=ExperimentType.GRID, parameters=parameters)

    async def progress(self, experiment_id: str) -> Progress:
        return (await self.experiments.get(experiment_id)).progress

    async def change(self, experiment_id: str, **new: object) -> None:
        change = ExperimentChange(fields=frozenset(new), **new)
        await self.experiments.update(experiment_id, change, NOT_REPEATED)

    async def ask(
        self,
        experiment_id: str,
        worker_id: str = "oven",
        call: Call = NOT_REPEATED,
        **wishes: float,
    ) -> Suggestion:
        return await self.suggestions.create(Ask(experiment_id, worker_id, **wishes), call)

    async def open_run(
        self, experiment_id: str, worker_id: str = "oven", call: Call = NOT_REPEATED
    ) -> Run:
        return await self.runs.create(NewRun(Ask(experiment_id, worker_id)), call)

    async def queue(
        self, experiment_id: str, call: Call = NOT_REPEATED, **assignments: float
    ) -> Suggestion:
        return await self.suggestions.queue(experiment_id, assignments, call)

    async def report(
        self,
        suggestion: Suggestion,
        value: float | None = 1.0,
        call: Call = NOT_REPEATED,
    ) -> Observation:
        """Report the outcome of a suggestion; without a value it failed."""
        draft = ObservationDraft(
            suggestion_id=suggestion.suggestion_id,
            values=() if value is None else (ValueDraft("taste", value),),
            failed=value is None,
        )
        return await self.observations.create(suggestion.experiment_id, draft, call)

    async def report_own(
        self, experiment_id: str, value: float = 1.0, **point: float
    ) -> Observation:
        draft = ObservationDraft(assignments=point, values=(ValueDraft("taste", value),))
        return await self.observations.create(experiment_id, draft, NOT_REPEATED)

    async def release(self, suggestion: Suggestion, call: Call = NOT_REPEATED) -> Suggestion:
        hand_out = HandOut(suggestion.suggestion_id, suggestion.attempt)
        return await self.suggestions.release(hand_out, call)

    async def pass_time(self, seconds: float, *connected: tuple[str, str]) -> int:
        """Let time pass and look at the leases; return how many ended."""
        self.clock.advance(seconds)
        return await self.housekeeping.sweep(connected)

    async def settle(self) -> None:
        """Let every call that was started come to where it waits for the optimizer."""
        await asyncio.sleep(0)
        await self.database.transact(lambda _: None)

    async def evaluate(self, experiment_id: str, times: int, seconds: float = 0.0) -> None:
        """Ask and report, one after the other; each evaluation takes so long."""
        for number in range(times):
            suggestion = await self.ask(experiment_id)
            self.clock.advance(seconds)
            await self.report(suggestion, float(number))
