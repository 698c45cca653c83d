"""Evaluations of several costs, handed out within one budget."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from fractions import Fraction

import pytest

from nextpoint_service.application.analysis import Ranking
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import BudgetSpent, InvalidRequest, LeaseLost
from nextpoint_service.domain.report import ObservationDraft, ValueDraft
from nextpoint_service.domain.task_rules import TaskDraft
from nextpoint_service.domain.tasks import Task

FULL, TENTH = Task("full", 1.0), Task("tenth", 0.1)
TASKS = (TaskDraft("tenth", 0.1), TaskDraft("full", 1.0))
SECONDS = 20


async def own(service, experiment, x, value, task):
    draft = ObservationDraft(assignments={"x": x}, values=(ValueDraft("taste", value),), task=task)
    return await service.observations.create(experiment, draft, NOT_REPEATED)


async def spend(service, experiment):
    """Ask and report until the budget is spent; return the tasks."""
    tasks = []
    with suppress(BudgetSpent):
        while True:
            suggestion = await service.ask(experiment)
            tasks.append(suggestion.task)
            await service.report(suggestion)
    return tasks


async def test_everything_about_a_suggestion_has_its_task(service):
    experiment = await service.define(tasks=TASKS, budget=3)

    suggestion = await service.ask(experiment)
    observation = await service.report(suggestion)
    run = await service.open_run(experiment)

    assert suggestion.task in (FULL, TENTH)
    assert observation.task == suggestion.task
    assert run.task == (await service.suggestions.get(run.suggestion_id)).task
    assert run.task is not None


async def test_costs_use_the_budget_up_exactly_and_a_full_evaluation_is_last(service):
    experiment = await service.define(tasks=TASKS, budget=4)

    tasks = await spend(service, experiment)

    assert sum(each.amount for each in tasks) == 4
    assert set(tasks) == {FULL, TENTH}
    assert tasks[-1] == FULL
    assert (await service.progress(experiment)).finished


async def test_200_workers_who_ask_at_once_spend_the_budget_exactly(service):
    experiment = await service.define(tasks=TASKS, budget=30)

    calls = [service.ask(experiment, f"w{number}") for number in range(200)]
    done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), SECONDS)

    asked = [each for each in done if not isinstance(each, BaseException)]
    assert sum(each.task.amount for each in asked) == 30
    assert Counter(map(type, done)).keys() == {type(asked[0]), BudgetSpent}


async def test_the_budget_is_exact_while_workers_lose_release_and_delete(service):
    experiment = await service.define(tasks=TASKS, budget=12)
    draw = random.Random(1)  # noqa: S311

    async def work(worker):
        while True:
            suggestion = await service.ask(experiment, worker)
            fate = draw.random()
            if fate < 0.15:
                with suppress(LeaseLost):
                    await service.release(suggestion)
            elif fate < 0.2:
                await service.pass_time(61)
            elif fate < 0.3:
                made = await service.report(suggestion)
                await service.observations.delete(made.observation_id, NOT_REPEATED)
            else:
                await service.report(suggestion)
            progress = await service.progress(experiment)
            assert progress.consumed + progress.spending.open <= 12

    async def work_until_finished():
        while not (await service.progress(experiment)).finished:
            workers = (work(f"w{number}") for number in range(20))
            ends = await asyncio.gather(*workers, return_exceptions=True)
            assert {type(each) for each in ends} == {BudgetSpent}
            await service.pass_time(61)

    await asyncio.wait_for(work_until_finished(), SECONDS)
    assert (await service.progress(experiment)).consumed == 12


async def test_what_waits_is_handed_out_with_its_task_again(service):
    experiment = await service.define(tasks=TASKS, budget=3)
    first = await service.ask(experiment)
    await service.release(first)

    again = await service.ask(experiment)

    assert (again.suggestion_id, again.task) == (first.suggestion_id, first.task)


async def test_a_queued_point_has_the_task_that_its_user_named(service):
    experiment = await service.define(tasks=TASKS, budget=3)

    await service.suggestions.queue(experiment, {"x": 0.5}, NOT_REPEATED, "full")

    assert (await service.ask(experiment)).task == FULL


@pytest.mark.parametrize("task", ["", "tiny"])
async def test_a_queued_point_needs_a_task_of_the_experiment(service, task):
    experiment = await service.define(tasks=TASKS, budget=3)

    with pytest.raises(InvalidRequest) as refused:
        await service.suggestions.queue(experiment, {"x": 0.5}, NOT_REPEATED, task)

    assert [each.field for each in refused.value.violations] == ["task"]


async def test_a_queued_point_that_the_budget_has_no_room_for_stays_queued(service):
    experiment = await service.define(tasks=TASKS, budget=1)
    await own(service, experiment, 0.25, 1.0, "tenth")
    await service.suggestions.queue(experiment, {"x": 0.5}, NOT_REPEATED, "full")

    tasks = await spend(service, experiment)

    assert tasks == [TENTH] * 9
    progress = await service.progress(experiment)
    assert (progress.queued_suggestions, progress.finished) == (1, True)


async def test_raising_the_budget_goes_on(service):
    experiment = await service.define(tasks=TASKS, budget=1)
    await spend(service, experiment)

    await service.change(experiment, budget=2)

    assert sum(each.amount for each in await spend(service, experiment)) == 1


async def test_the_budget_cannot_be_cleared(service):
    experiment = await service.define(tasks=TASKS, budget=1)

    with pytest.raises(InvalidRequest):
        await service.change(experiment, budget=None)


async def test_the_best_are_full_evaluations_by_what_was_observed_and_by_the_model(service):
    experiment = await service.define(tasks=TASKS, budget=9)
    await own(service, experiment, 0.1, 9.0, "tenth")
    await own(service, experiment, 0.2, 3.0, "full")
    known = await own(service, experiment, 0.3, 4.0, "full")

    for ranking in Ranking:
        ((_, found),) = await service.analysis.best(experiment, ranking, Page(10))
        assert found.observation == known


async def test_own_observations_cost_what_their_task_says(service):
    experiment = await service.define(tasks=TASKS, budget=2)
    for number in range(3):
        await own(service, experiment, number / 10, 1.0, "tenth")

    progress = await service.progress(experiment)

    assert (progress.consumed, progress.left) == (Fraction(3, 10), Fraction(17, 10))


async def test_the_model_waits_for_full_evaluations(service):
    experiment = await service.define(tasks=TASKS, budget=30)
    for number in range(20):
        await own(service, experiment, number / 20, 1.0, "tenth")
    await service.ask(experiment)
    assert service.optimizer.problems[-1].phase is Phase.SPACE_FILLING
    assert "successful full observations" in service.optimizer.problems[-1].fallback_reason

    for number in range(2):
        await own(service, experiment, number / 7, 1.0, "full")
    await service.ask(experiment)

    assert service.optimizer.problems[-1].phase is Phase.MODEL


async def test_the_optimizer_knows_the_tasks_of_what_is_under_way(service):
    experiment = await service.define(tasks=TASKS, budget=30)
    asked = [await service.ask(experiment, f"w{number}") for number in range(3)]

    await service.ask(experiment)

    problem = service.optimizer.problems[-1]
    assert len(problem.pending) == len(problem.pending_tasks)
    assert problem.pending_tasks[:3] == tuple(each.task for each in asked)


async def test_what_made_the_choice_of_a_task_is_in_the_provenance(service):
    experiment = await service.define(tasks=TASKS, budget=2)
    first = await service.ask(experiment)
    second = await service.ask(experiment)

    assert (first.task, second.task) == (TENTH, TENTH)
    assert first.provenance.method == "scripted, task in turn"
    assert second.provenance.method.endswith("task that fits into the budget")
