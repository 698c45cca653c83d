"""What is handed out, in which order, and how much of it."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

import pytest

from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import (
    BudgetSpent,
    ExperimentArchived,
    LeaseLost,
)
from nextpoint_service.domain.experiment import ExperimentType
from nextpoint_service.domain.report import ValueDraft
from nextpoint_service.domain.suggestion import Generator, SuggestionState

SECONDS = 20


async def outcomes(calls):
    """Return what the calls returned, and how often each error was raised."""
    done = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), SECONDS)
    errors = Counter(type(each) for each in done if isinstance(each, Exception))
    return [each for each in done if not isinstance(each, Exception)], errors


async def test_what_waits_goes_first_then_the_queue_in_order_then_a_new_point(service):
    experiment = await service.define()
    given_back = await service.release(await service.ask(experiment))
    first = await service.queue(experiment, x=0.25)
    second = await service.queue(experiment, x=0.75)

    asked = [await service.ask(experiment, f"w{number}") for number in range(4)]

    assert [each.suggestion_id for each in asked[:3]] == [
        given_back.suggestion_id,
        first.suggestion_id,
        second.suggestion_id,
    ]
    assert [each.attempt for each in asked] == [2, 1, 1, 1]
    assert asked[3].provenance.generator is Generator.SPACE_FILLING


async def test_a_queued_point_does_not_count_before_it_is_handed_out(service):
    experiment = await service.define(budget=1)
    await service.queue(experiment, x=0.5)

    assert (await service.progress(experiment)).remaining == 1
    await service.ask(experiment)
    assert (await service.progress(experiment)).remaining == 0


async def test_a_worker_who_asks_for_more_than_it_wants_to_hold_at_once_holds_no_more(service):
    experiment = await service.define()
    ask = Ask(experiment, "w1", most_held=3)

    await asyncio.gather(*(service.suggestions.take(ask) for _ in range(10)))

    assert (await service.progress(experiment)).open_suggestions == 3


async def test_200_workers_who_ask_at_once_get_as_many_as_the_budget_says(service):
    experiment = await service.define(budget=120)

    asked, errors = await outcomes(service.ask(experiment, f"w{n}") for n in range(200))

    assert len({each.suggestion_id for each in asked}) == 120
    assert len({each.assignments["x"] for each in asked}) == 120
    assert errors == {BudgetSpent: 80}


async def test_the_budget_is_exact_while_200_workers_lose_release_delete_and_report_late(service):
    experiment = await service.define(budget=150)
    draw = random.Random(1)  # noqa: S311

    async def work(worker):
        while True:
            suggestion = await service.ask(experiment, worker)
            fate = draw.random()
            if fate < 0.15:
                # Another worker's time may have ended this lease.
                with suppress(LeaseLost):
                    await service.release(suggestion)
            elif fate < 0.2:
                await service.pass_time(61)
                await service.report(suggestion)
            elif fate < 0.3:
                made = await service.report(suggestion)
                await service.observations.delete(made.observation_id, NOT_REPEATED)
            elif fate < 0.9:
                await service.report(suggestion)

    async def work_until_finished():
        while not (await service.progress(experiment)).finished:
            _, errors = await outcomes(work(f"w{number}") for number in range(200))
            assert errors == {BudgetSpent: 200}
            await service.pass_time(61)

    await asyncio.wait_for(work_until_finished(), SECONDS)
    observed = [
        each.suggestion_id for _, each in await service.observations.list(experiment, Page(1000))
    ]
    # An outcome that came late is kept, and counts for nothing when another one is there.
    assert len(set(observed)) == 150 <= len(observed)
    assert len(await service.suggestions.list(experiment, None, Page(1000))) == 150


async def test_a_second_outcome_of_a_suggestion_does_not_count_against_the_budget(service):
    experiment = await service.define(budget=2)
    late = await service.ask(experiment, "w1")
    await service.pass_time(61)
    again = await service.ask(experiment, "w2")
    await service.report(late)
    await service.report(again)

    assert not (await service.progress(experiment)).finished
    await service.evaluate(experiment, 1)
    assert (await service.progress(experiment)).finished


async def test_a_spent_budget_says_who_holds_what_is_left_of_it(service):
    experiment = await service.define(budget=3)
    await service.evaluate(experiment, 1)
    await service.ask(experiment, "oven")
    await service.ask(experiment, "stove")

    with pytest.raises(BudgetSpent, match="2 of its suggestions held by 'stove', 'oven': ") as no:
        await service.ask(experiment)

    assert no.value.metadata["held"] == "2"


async def test_a_spent_budget_names_only_some_of_many_who_hold_it(service):
    experiment = await service.define(budget=5)
    for worker in ("oven", "stove", "grill", "grill", "grill"):
        await service.ask(experiment, worker)

    with pytest.raises(BudgetSpent, match="5 of its suggestions held by 'grill' and others: "):
        await service.ask(experiment)


async def test_what_waits_is_kept_back_when_the_observations_fill_the_budget(service):
    experiment = await service.define(budget=1)
    await service.release(await service.ask(experiment))
    await service.report_own(experiment, x=0.5)

    with pytest.raises(BudgetSpent):
        await service.ask(experiment)


async def test_a_raised_budget_reopens_the_experiment(service):
    experiment = await service.define(budget=1)
    await service.evaluate(experiment, 1)
    assert (await service.progress(experiment)).finished

    await service.change(experiment, budget=2)

    assert not (await service.progress(experiment)).finished
    await service.evaluate(experiment, 1)
    assert (await service.progress(experiment)).finished


async def test_a_lowered_budget_ends_the_hand_outs(service):
    experiment = await service.define(budget=10)
    held = [await service.ask(experiment) for _ in range(3)]

    await service.change(experiment, budget=2)

    with pytest.raises(BudgetSpent):
        await service.ask(experiment)
    await service.report(held[0])
    await service.report(held[1])
    assert (await service.progress(experiment)).finished
    await service.report(held[2])
    assert (await service.progress(experiment)).observations == 3


async def test_a_deleted_observation_opens_its_suggestion_again(service):
    experiment = await service.define(budget=1)
    suggestion = await service.ask(experiment)
    observation = await service.report(suggestion)

    await service.observations.delete(observation.observation_id, NOT_REPEATED)

    again = await service.ask(experiment, "w2")
    assert (again.suggestion_id, again.attempt) == (suggestion.suggestion_id, 2)


async def test_a_suggestion_with_two_observations_opens_when_both_are_deleted(service):
    experiment = await service.define()
    suggestion = await service.ask(experiment)
    first = await service.report(suggestion)
    second = await service.report(suggestion)

    async def state_after_deleting(observation):
        await service.observations.delete(observation.observation_id, NOT_REPEATED)
        return (await service.suggestions.get(suggestion.suggestion_id)).state

    assert await state_after_deleting(first) is SuggestionState.OBSERVED
    assert await state_after_deleting(second) is SuggestionState.WAITING


async def test_an_outcome_says_how_long_the_evaluation_took(service):
    experiment = await service.define()
    suggestion = await service.ask(experiment)
    service.clock.advance(12.5)

    assert (await service.report(suggestion)).seconds == 12.5


async def test_an_outcome_that_nobody_was_leased_has_no_duration(service):
    experiment = await service.define()
    late = await service.ask(experiment)
    await service.pass_time(61)

    assert (await service.report(late)).seconds is None
    assert (await service.report_own(experiment, x=0.5)).seconds is None


async def test_a_random_experiment_draws_every_point_at_random(service):
    experiment = await service.define(type=ExperimentType.RANDOM)

    await service.evaluate(experiment, 30)

    asked, _ = await outcomes(service.ask(experiment) for _ in range(10))
    assert {each.provenance.generator for each in asked} == {Generator.RANDOM}
    assert len({each.assignments["x"] for each in asked}) == 10


async def test_a_point_of_the_users_own_is_not_suggested_again(service):
    experiment = await service.define()
    made = await service.ask(experiment)
    other = await service.define()
    # The same seed and index would make the same point, were it not taken.
    await service.report_own(other, **made.assignments)

    asked = [await service.ask(other) for _ in range(3)]

    assert made.assignments not in [each.assignments for each in asked]


@pytest.mark.parametrize(
    "do",
    [
        lambda service, suggestion: service.ask(suggestion.experiment_id),
        lambda service, suggestion: service.open_run(suggestion.experiment_id),
        lambda service, suggestion: service.queue(suggestion.experiment_id, x=0.5),
        lambda service, suggestion: service.report(suggestion),
        lambda service, suggestion: service.report_own(suggestion.experiment_id, x=0.5),
        lambda service, suggestion: service.change(suggestion.experiment_id, name="rolls"),
    ],
    ids=["ask", "open a run", "queue", "report", "report an own point", "change"],
)
async def test_an_archived_experiment_refuses(service, do):
    experiment = await service.define()
    suggestion = await service.ask(experiment)
    await service.experiments.archive(experiment, NOT_REPEATED)

    with pytest.raises(ExperimentArchived):
        await do(service, suggestion)

    await service.experiments.unarchive(experiment, NOT_REPEATED)
    await do(service, suggestion)


async def test_an_archived_experiment_keeps_its_runs_and_observations_as_they_are(service):
    experiment = await service.define()
    run = await service.open_run(experiment)
    made = await service.report_own(experiment, x=0.5)
    await service.experiments.archive(experiment, NOT_REPEATED)

    _, errors = await outcomes(
        [
            service.runs.log(run.run_id, [ValueDraft("m", 1.0)], NOT_REPEATED),
            service.runs.complete(run.run_id, NOT_REPEATED),
            service.runs.fail(run.run_id, NOT_REPEATED),
            service.observations.delete(made.observation_id, NOT_REPEATED),
        ]
    )

    assert errors == {ExperimentArchived: 4}
    assert await service.runs.get(run.run_id) == run


async def test_what_an_archived_experiment_lent_can_be_given_back(service):
    suggestion = await service.ask(await service.define())
    await service.experiments.archive(suggestion.experiment_id, NOT_REPEATED)

    assert (await service.release(suggestion)).state is SuggestionState.WAITING
