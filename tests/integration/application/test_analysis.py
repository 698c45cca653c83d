"""What callers ask about what was learned."""

import asyncio
import gc
from contextlib import asynccontextmanager
from functools import partial

import pytest
from tests.support.scripted_optimizer import ScriptedOptimizer

from nextpoint_service.application.analysis import Ranking
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import (
    ExperimentNotFound,
    ModelUnavailable,
    Overloaded,
    ShuttingDown,
    TooFewObservations,
)
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.report import ObservationDraft, ValueDraft
from nextpoint_service.domain.stopping import StoppingReason

PLANE = tuple(ParameterDraft(name, "double", bounds=(0.0, 1.0)) for name in "xy")
SECONDS = 10.0


async def test_an_experiment_that_goes_well_has_no_reason_to_stop(service):
    experiment = await service.define(budget=12)
    await service.evaluate(experiment, 11)

    assert await service.analysis.stopping_reasons(experiment) == ()


async def test_a_spent_budget_is_a_reason_to_stop(service):
    experiment = await service.define(budget=3)
    await service.evaluate(experiment, 3)

    reasons = await service.analysis.stopping_reasons(experiment)

    assert reasons == (StoppingReason.BUDGET_REACHED,)


async def test_stagnation_looks_at_observations_in_their_order(service):
    experiment = await service.define()
    for value in (9.0,) * 5 + (1.0,) * 5:
        await service.report_own(experiment, value, x=0.5)

    reasons = await service.analysis.stopping_reasons(experiment)

    assert reasons == (StoppingReason.POSSIBLE_STAGNATION,)


async def test_advice_counts_what_is_open(service):
    experiment = await service.define()
    await service.ask(experiment, "w1")
    alone = await service.analysis.against_advice(experiment)
    await service.ask(experiment, "w2")

    together = await service.analysis.against_advice(experiment)

    assert alone == ()
    assert [each.field for each in together] == ["parallel_bandwidth"]


async def test_importances_need_five_successes_for_each_parameter(service):
    experiment = await service.define(parameters=PLANE)
    for _ in range(9):
        await service.report_own(experiment, x=0.5, y=0.5)
    failed = ObservationDraft(assignments={"x": 0.1, "y": 0.1}, failed=True)
    await service.observations.create(experiment, failed, NOT_REPEATED)

    with pytest.raises(TooFewObservations) as refused:
        await service.analysis.importances(experiment)

    assert refused.value.metadata["needed"] == "10"
    assert refused.value.metadata["found"] == "9"


async def test_importances_are_of_every_metric(service):
    experiment = await service.define(parameters=PLANE)
    for _ in range(10):
        await service.report_own(experiment, x=0.5, y=0.5)

    assert await service.analysis.importances(experiment) == {"taste": {"x": 0.5, "y": 0.5}}


async def test_a_single_parameter_moves_everything(service):
    metrics = (MetricDraft("taste"), MetricDraft("crust"))
    experiment = await service.define(metrics=metrics, budget=10)

    found = await service.analysis.importances(experiment)

    assert found == {"taste": {"x": 1.0}, "crust": {"x": 1.0}}


@pytest.mark.parametrize("question", ["stopping_reasons", "against_advice", "importances"])
async def test_an_unknown_experiment_is_not_found(service, question):
    with pytest.raises(ExperimentNotFound):
        await getattr(service.analysis, question)("exp_7")


class CrowdedOptimizer(ScriptedOptimizer):
    """Counts how many analyses a model process would have to make at the same time."""

    def __init__(self):
        super().__init__()
        self.busy = 0
        self.busiest = 0

    async def importances(self, studied):
        async with self._at_work():
            return await super().importances(studied)

    async def expectations(self, studied):
        async with self._at_work():
            return await super().expectations(studied)

    @asynccontextmanager
    async def _at_work(self):
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        # What is cancelled stays busy, as a thread would.
        await asyncio.sleep(0)
        yield
        self.busy -= 1


async def test_analyses_take_one_model_process_at_a_time(start):
    optimizer = CrowdedOptimizer()
    service = await start(optimizer)
    experiment = await service.define(parameters=PLANE)
    for _ in range(10):
        await service.report_own(experiment, x=0.5, y=0.5)

    await asyncio.gather(
        *(service.analysis.best(experiment, Ranking.MODEL, Page(1)) for _ in range(4)),
        *(service.analysis.importances(experiment) for _ in range(4)),
    )

    assert optimizer.busiest == 1


class PatientOptimizer(CrowdedOptimizer):
    """Computes until it may end, whoever has gone away."""

    def __init__(self):
        super().__init__()
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.error = None

    async def hypervolume(self, gains, seconds):
        async with self._at_work():
            return await ScriptedOptimizer.hypervolume(self, gains, seconds)

    @asynccontextmanager
    async def _at_work(self):
        async with super()._at_work():
            self.begun.set()
            await self.may_end.wait()
            yield
        if self.error is not None:
            raise self.error


QUESTIONS = {
    "hypervolume": lambda analysis, experiment: analysis.hypervolume(experiment),
    "importances": lambda analysis, experiment: analysis.importances(experiment),
    "expectations": lambda analysis, experiment: analysis.best(experiment, Ranking.MODEL, Page(1)),
}


async def with_a_frontier(service):
    thresholds = [MetricDraft(name, threshold=0.0) for name in ("taste", "crust")]
    experiment = await service.define(parameters=PLANE, metrics=tuple(thresholds), budget=20)
    values = (ValueDraft("taste", 1.0), ValueDraft("crust", 1.0))
    draft = ObservationDraft(assignments={"x": 0.5, "y": 0.5}, values=values)
    for _ in range(10):
        await service.observations.create(experiment, draft, NOT_REPEATED)
    return experiment


@pytest.fixture
def optimizer():
    return PatientOptimizer()


@pytest.fixture(params=QUESTIONS)
async def analyses(request, optimizer, start):
    """Begins calls that have the optimizer compute something; at most two of them wait."""
    service = await start(optimizer, waiting_limit=2)
    experiment = await with_a_frontier(service)
    return Analyses(service, partial(QUESTIONS[request.param], service.analysis, experiment))


class Analyses:
    def __init__(self, service, ask):
        self.close = service.analysis.close
        self._ask = ask

    def begin(self):
        return asyncio.create_task(self._ask())

    async def give_up(self, optimizer):
        call = self.begin()
        await asyncio.wait_for(optimizer.begun.wait(), SECONDS)
        call.cancel()
        await asyncio.wait([call], timeout=SECONDS)


async def test_what_a_caller_gave_up_keeps_its_turn_until_it_ends(analyses, optimizer):
    await analyses.give_up(optimizer)
    calls = [analyses.begin() for _ in range(2)]
    _, waiting = await asyncio.wait(calls, timeout=0.2)
    optimizer.may_end.set()

    await asyncio.wait_for(asyncio.gather(*calls), SECONDS)

    assert len(waiting) == 2
    assert optimizer.busiest == 1


async def test_who_gives_up_in_the_queue_leaves_a_place(analyses, optimizer):
    await analyses.give_up(optimizer)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(analyses.begin(), 0.05)
    optimizer.may_end.set()

    await asyncio.wait_for(analyses.begin(), SECONDS)

    assert optimizer.busiest == 1


async def test_no_more_calls_wait_for_an_analysis_than_the_limit(analyses, optimizer):
    calls = [analyses.begin() for _ in range(5)]

    done, waiting = set(), set(calls)
    async with asyncio.timeout(SECONDS):
        while len(done) < 2:
            some, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= some
    optimizer.may_end.set()

    assert [type(each.exception()) for each in done] == [Overloaded] * 2
    assert len(await asyncio.wait_for(asyncio.gather(*waiting), SECONDS)) == 3


async def test_what_goes_wrong_reaches_who_asked_and_ends_the_turn(analyses, optimizer):
    optimizer.may_end.set()
    optimizer.error = ModelUnavailable("exp_1", "too slow")
    with pytest.raises(ModelUnavailable):
        await asyncio.wait_for(analyses.begin(), SECONDS)

    optimizer.error = None
    await asyncio.wait_for(analyses.begin(), SECONDS)


@pytest.mark.parametrize(
    ("error", "is_a_bug"), [(ZeroDivisionError(), True), (ModelUnavailable("exp_1", "slow"), False)]
)
async def test_of_what_was_given_up_only_bugs_are_reported(analyses, optimizer, error, is_a_bug):
    reported = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(context["exception"])
    )
    optimizer.error = error
    await analyses.give_up(optimizer)

    optimizer.may_end.set()
    with pytest.raises(type(error)):
        await asyncio.wait_for(analyses.begin(), SECONDS)

    gc.collect()
    assert reported == [error] * is_a_bug


async def test_at_the_end_of_the_service_nobody_waits_for_an_analysis(analyses, optimizer):
    calls = [analyses.begin() for _ in range(3)]
    await asyncio.wait_for(optimizer.begun.wait(), SECONDS)

    await asyncio.wait_for(analyses.close(), SECONDS)

    for call in (*calls, analyses.begin()):
        with pytest.raises(ShuttingDown):
            await asyncio.wait_for(call, SECONDS)
    assert optimizer.busiest == 1
