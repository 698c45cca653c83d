"""What callers ask about what was learned."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.support.scripted_optimizer import ScriptedOptimizer
from tests.support.use_cases import NOW_AND_AGAIN

from nextpoint_service.application.analysis import Ranking
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import ExperimentNotFound, Overloaded, TooFewObservations
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.report import ObservationDraft, ValueDraft
from nextpoint_service.domain.stopping import StoppingReason

PLANE = tuple(ParameterDraft(name, "double", bounds=(0.0, 1.0)) for name in "xy")


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
    await service.observations.create(experiment, failed, NOW_AND_AGAIN)

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
        self.may_end = asyncio.Event()

    async def hypervolume(self, _gains, _seconds):
        async with self._at_work():
            await self.may_end.wait()
            return 1.0


async def with_a_frontier(service):
    thresholds = [MetricDraft(name, threshold=0.0) for name in ("taste", "crust")]
    experiment = await service.define(metrics=tuple(thresholds), budget=9)
    values = (ValueDraft("taste", 1.0), ValueDraft("crust", 1.0))
    draft = ObservationDraft(assignments={"x": 0.5}, values=values)
    await service.observations.create(experiment, draft, NOW_AND_AGAIN)
    return experiment


async def test_what_a_caller_gave_up_keeps_its_turn_until_it_ends(start):
    optimizer = PatientOptimizer()
    service = await start(optimizer)
    experiment = await with_a_frontier(service)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.analysis.hypervolume(experiment), 0.05)
    optimizer.may_end.set()

    assert (await service.analysis.hypervolume(experiment)).volume == 1.0
    assert optimizer.busiest == 1


async def test_no_more_calls_wait_for_an_analysis_than_the_limit(start):
    optimizer = PatientOptimizer()
    service = await start(optimizer, waiting_limit=2)
    experiment = await with_a_frontier(service)
    calls = [asyncio.create_task(service.analysis.hypervolume(experiment)) for _ in range(5)]

    done, waiting = await asyncio.wait(calls, timeout=0.5)
    optimizer.may_end.set()

    assert [type(each.exception()) for each in done] == [Overloaded] * 2
    assert len(await asyncio.gather(*waiting)) == 3
