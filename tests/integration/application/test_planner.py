"""When points are made, for whom, and what they know."""

import asyncio
import threading
from itertools import islice

import pytest
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.thinking import (
    NOTHING_FOR,
    SECONDS,
    an_experiment_with_a_stale_point,
    asks,
    begin,
    ends,
    in_the_model_phase,
    is_quiet,
    thinks_on,
    thought,
    with_a_slow_model,
)
from tests.support.use_cases import BATCH, LARGE_BATCH, LARGE_BATCH_SECONDS

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import (
    BudgetSpent,
    ExperimentArchived,
    Overloaded,
    ShuttingDown,
)
from nextpoint_service.domain.experiment import Engine, ExperimentType
from nextpoint_service.domain.suggestion import Generator, SuggestionState


async def test_calls_that_wait_together_get_one_joint_batch(thinking):
    experiment = await in_the_model_phase(thinking)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, BATCH)

    question.answer()
    joint = await thought(thinking)

    suggestions = await ends(early, *asked)
    assert (joint.problem.phase, joint.problem.count) == (Phase.MODEL, BATCH)
    assert len({each.assignments["x"] for each in suggestions}) == BATCH + 1
    assert await is_quiet(thinking)


async def test_a_batch_of_the_model_is_limited_and_the_next_knows_it(thinking):
    experiment = await in_the_model_phase(thinking)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, BATCH + 2)
    question.answer()

    first = await thought(thinking)
    second = await thought(thinking)

    suggestions = await ends(early, *asked)
    assert (first.problem.count, second.problem.count) == (BATCH, 2)
    assert len(second.problem.pending) == 1 + BATCH
    assert len({each.assignments["x"] for each in suggestions}) == BATCH + 3
    assert await is_quiet(thinking)


async def test_the_start_is_made_in_one_go_and_never_twice(thinking):
    experiment = await thinking.define(budget=30)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, 11)
    question.answer()

    first = await thought(thinking)
    second = await thought(thinking)

    suggestions = await ends(early, *asked)
    assert (first.problem.phase, first.problem.count, first.problem.index) == (
        Phase.SPACE_FILLING,
        4,
        1,
    )
    assert second.problem.fallback_reason.startswith("a model needs 2")
    assert (second.problem.count, second.problem.index) == (7, 5)
    assert len({each.assignments["x"] for each in suggestions}) == 12


async def test_points_that_are_evaluated_are_pending_for_the_next(thinking):
    experiment = await in_the_model_phase(thinking)
    await thinking.queue(experiment, x=0.125)
    await thinking.release(await thinking.ask(experiment))
    await thinking.ask(experiment)

    (asked,) = await asks(thinking, experiment, 1)
    question = await thought(thinking)

    await ends(asked)
    assert question.problem.pending == ({"x": 0.125},)
    assert len(question.problem.observations) == 6


async def test_queued_points_are_pending_for_what_is_made_ahead(thinking):
    experiment = await with_a_slow_model(thinking)
    await thought(thinking)

    await thinking.queue(experiment, x=0.25)
    await thinking.report_own(experiment, x=0.5)
    remade = await thought(thinking)

    assert {"x": 0.25} in remade.problem.pending


async def test_points_are_made_ahead_when_evaluations_take_longer_than_the_model(thinking):
    experiment = await with_a_slow_model(thinking)

    ahead = await thought(thinking)

    assert (ahead.problem.phase, ahead.problem.count) == (Phase.MODEL, 1)
    (suggestion,) = await ends(begin(thinking.ask(experiment, max_wait_seconds=0)))
    assert suggestion.provenance.observation_count == 6


async def test_nothing_is_made_ahead_when_evaluations_are_quicker_than_the_model(thinking):
    await in_the_model_phase(thinking, seconds=0)

    assert await is_quiet(thinking)


async def test_nothing_is_made_ahead_when_the_model_is_as_quick_as_a_call_would_wait(thinking):
    experiment = await in_the_model_phase(thinking, seconds=100, model=5)
    assert await is_quiet(thinking)

    asked = begin(thinking.ask(experiment))
    await thought(thinking)

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.observation_count == 6


async def after_three_at_once(service, **changes):
    """Return an experiment with a slow model of which three points were once asked for together."""
    experiment = await with_a_slow_model(service, **changes)
    remade = await thought(service, answer=False)
    asked = await asks(service, experiment, 5)
    service.clock.advance(20)
    remade.answer()
    for done in islice(asyncio.as_completed(asked), 2):
        await done
    joint = await thought(service, seconds=20)
    await ends(*asked)
    assert joint.problem.count == 3
    return experiment


async def test_as_many_points_are_made_ahead_as_were_asked_for_in_the_time_of_the_model(thinking):
    experiment = await after_three_at_once(thinking)
    await thinks_on(thinking, seconds=20)

    await thinking.report_own(experiment, x=0.5)
    remade = await thought(thinking)

    assert remade.problem.count == 3


async def test_no_more_points_are_made_ahead_than_the_budget_has_room_for(thinking):
    await after_three_at_once(thinking, budget=13)

    await thinks_on(thinking, seconds=20)

    counts = [each.count for each in thinking.optimizer.problems]
    assert sum(counts[counts.index(3) + 1 :]) == 2


async def test_points_are_made_ahead_of_quick_models_for_those_who_do_not_wait(thinking):
    experiment = await in_the_model_phase(thinking, seconds=100, model=5)
    asked = begin(thinking.ask(experiment, max_wait_seconds=0))
    await thought(thinking)
    await ends(asked)

    await thought(thinking)

    (suggestion,) = await ends(begin(thinking.ask(experiment, max_wait_seconds=0)))
    assert suggestion.provenance.observation_count == 6


async def test_a_batch_is_larger_where_points_are_cheap(thinking):
    seconds = LARGE_BATCH_SECONDS / 10.5
    experiment = await in_the_model_phase(thinking, model=seconds)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, LARGE_BATCH)
    thinking.clock.advance(seconds)
    question.answer()

    joint = await thought(thinking)
    rest = await thought(thinking)

    await ends(early, *asked)
    assert (joint.problem.count, rest.problem.count) == (10, LARGE_BATCH - 10)


async def test_a_point_made_ahead_is_remade_after_an_observation(thinking):
    experiment = await with_a_slow_model(thinking)
    await thought(thinking)
    assert await is_quiet(thinking)

    await thinking.report_own(experiment, x=0.5)
    remade = await thought(thinking)

    assert len(remade.problem.observations) == 7
    assert await is_quiet(thinking)


async def test_who_does_not_wait_takes_a_stale_point(thinking):
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)

    (suggestion,) = await ends(begin(thinking.ask(experiment, max_wait_seconds=0)))

    assert suggestion.provenance.observation_count == 6
    remaking.answer()


async def test_who_waits_long_gets_the_fresh_point(thinking):
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)
    asked = begin(thinking.ask(experiment, max_wait_seconds=3600))

    remaking.answer()

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.observation_count == 7


async def test_who_waits_a_little_takes_the_stale_point_in_the_end(thinking):
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)

    (suggestion,) = await ends(begin(thinking.ask(experiment, max_wait_seconds=0.01)))

    assert suggestion.provenance.observation_count == 6
    remaking.answer()


async def test_by_default_a_call_waits_for_a_fresh_point_if_it_comes_in_a_tenth_of_an_evaluation(
    thinking,
):
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)
    thinking.clock.advance(15)
    asked = begin(thinking.ask(experiment))
    done, _ = await asyncio.wait([asked], timeout=NOTHING_FOR)
    assert not done

    remaking.answer()

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.observation_count == 7


async def test_by_default_a_call_takes_a_stale_point_at_once_if_a_fresh_one_takes_longer(thinking):
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)
    thinking.clock.advance(5)

    (suggestion,) = await ends(begin(thinking.ask(experiment)))

    assert suggestion.provenance.observation_count == 6
    remaking.answer()


async def test_who_does_not_wait_waits_when_there_is_no_point_at_all(thinking):
    experiment = await in_the_model_phase(thinking)
    asked = begin(thinking.ask(experiment, max_wait_seconds=0))
    question = await thought(thinking, answer=False)
    done, _ = await asyncio.wait([asked], timeout=NOTHING_FOR)
    assert not done

    question.answer()

    await ends(asked)


async def test_what_comes_into_the_pool_meanwhile_goes_first_and_the_point_is_kept(thinking):
    experiment = await in_the_model_phase(thinking)
    (asked,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    queued = await thinking.queue(experiment, x=0.125)
    question.answer()

    (first,) = await ends(asked)
    (second,) = await ends(begin(thinking.ask(experiment)))

    assert first.suggestion_id == queued.suggestion_id
    assert second.assignments != first.assignments
    assert await is_quiet(thinking)


async def test_the_point_of_a_caller_who_goes_away_is_the_next_ones(thinking):
    experiment = await in_the_model_phase(thinking)
    gone = begin(thinking.ask(experiment, "w1"))
    question = await thought(thinking, answer=False)
    stays = begin(thinking.ask(experiment, "w2"))
    gone.cancel()
    await asyncio.wait([gone], timeout=SECONDS)

    question.answer()

    (suggestion,) = await ends(stays)
    assert suggestion.lease.worker_id == "w2"
    assert await is_quiet(thinking)


async def test_a_point_that_comes_as_its_caller_goes_away_is_the_next_ones(thinking):
    experiment = await in_the_model_phase(thinking)
    (gone,) = await asks(thinking, experiment, 1, max_wait_seconds=3600)
    question = await thought(thinking, answer=False)
    (stays,) = await asks(thinking, experiment, 1)

    question.answer(meanwhile=gone.cancel)

    await ends(stays)
    assert gone.cancelled()
    assert (await thinking.progress(experiment)).leased_suggestions == 1


async def test_a_caller_who_goes_away_while_the_lease_is_written_leaves_no_twin(thinking):
    experiment = await thinking.define(type=ExperimentType.RANDOM)
    (gone,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    written = threading.Event()
    writer = begin(thinking.database.transact(lambda _: written.wait(SECONDS)))
    question.answer(meanwhile=lambda: asyncio.get_running_loop().call_later(0, cancel_soon, 5))

    def cancel_soon(turns):
        if turns:
            asyncio.get_running_loop().call_soon(cancel_soon, turns - 1)
        else:
            gone.cancel()

    await asyncio.wait([gone], timeout=SECONDS)
    written.set()
    await ends(writer)

    # All that were made together, and no more.
    others = question.problem.count - 1
    await ends(*await asks(thinking, experiment, others))
    assert gone.cancelled()
    leased = await thinking.suggestions.list(experiment, SuggestionState.LEASED, Page(100))
    assert len({each.assignments["x"] for _, each in leased}) == len(leased) == 1 + others
    (another,) = await asks(thinking, experiment, 1)
    anew = await thought(thinking, answer=False)
    assert len(anew.problem.pending) == 1 + others
    another.cancel()


async def test_what_the_optimizer_raises_reaches_all_who_wait_and_the_next_call_works(thinking):
    experiment = await in_the_model_phase(thinking)
    asked = await asks(thinking, experiment, 3)
    question = await thought(thinking, answer=False)

    question.fail(ZeroDivisionError("a bug"))

    failed = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), SECONDS)
    assert [type(each) for each in failed] == [ZeroDivisionError] * 3
    again = begin(thinking.ask(experiment))
    await thought(thinking)
    await ends(again)
    assert await is_quiet(thinking)


async def test_a_point_that_cannot_be_made_ahead_is_reported_and_tried_at_the_next_occasion(
    thinking,
):
    experiment = await with_a_slow_model(thinking)
    reported = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda *_: reported.set())
    question = await thought(thinking, answer=False)

    question.fail(ZeroDivisionError("a bug"))

    await asyncio.wait_for(reported.wait(), SECONDS)
    assert await is_quiet(thinking)
    await thinking.report_own(experiment, x=0.5)
    await thought(thinking)


async def test_no_more_points_are_made_than_the_budget_has_room_for(thinking):
    experiment = await in_the_model_phase(thinking, budget=9)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, 20)
    question.answer()

    last = await thought(thinking)

    await ends(early)
    done = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), SECONDS)
    assert last.problem.count == 2
    assert sum(isinstance(each, BudgetSpent) for each in done) == 18
    assert await is_quiet(thinking)


async def test_calls_that_wait_learn_that_the_experiment_was_archived(thinking):
    experiment = await in_the_model_phase(thinking)
    (early,) = await asks(thinking, experiment, 1)
    question = await thought(thinking, answer=False)
    asked = await asks(thinking, experiment, 2)
    await thinking.experiments.archive(experiment, NOT_REPEATED)

    question.answer()

    done = await asyncio.wait_for(asyncio.gather(early, *asked, return_exceptions=True), SECONDS)
    assert [type(each) for each in done] == [ExperimentArchived] * 3
    assert await is_quiet(thinking)


@pytest.mark.parametrize(("idle_seconds", "kept"), [(0.0, False), (600.0, True)])
async def test_the_points_of_idle_experiments_are_dropped(start, idle_seconds, kept):
    service = await start(ControlledOptimizer(), idle_seconds=idle_seconds)
    experiment = await in_the_model_phase(service)
    (asked,) = await asks(service, experiment, 1)
    question = await thought(service, answer=False)
    await service.queue(experiment, x=0.125)
    question.answer()
    await ends(asked)

    service.clock.advance(1)
    await service.housekeeping.forget()

    (asked,) = await asks(service, experiment, 1)
    if kept:
        (suggestion,) = await ends(asked)
        assert suggestion.provenance.observation_count == 6
        assert await is_quiet(service)
    else:
        anew = await thought(service, answer=False)
        assert anew.problem.phase is Phase.MODEL
        asked.cancel()


async def test_an_experiment_for_which_many_wait_holds_up_no_other(thinking):
    one, other = [await in_the_model_phase(thinking) for _ in range(2)]
    many = await asks(thinking, one, 1)
    question = await thought(thinking, answer=False)
    many += await asks(thinking, one, 3 * BATCH)
    few = await asks(thinking, other, 1)
    question.answer()

    turns = [(await thought(thinking)).problem.experiment.experiment_id for _ in range(4)]

    await ends(*many, *few)
    assert turns == [other, one, one, one]


async def test_models_of_one_kind_hold_up_none_of_another(thinking):
    by_ax = await in_the_model_phase(thinking, engine=Engine.AX)
    other = await in_the_model_phase(thinking)
    calls = await asks(thinking, by_ax, 1)
    slow = await thought(thinking, answer=False)

    calls += await asks(thinking, other, 1)

    assert (await thought(thinking)).problem.experiment.experiment_id == other
    slow.answer()
    await ends(*calls)


async def test_a_call_that_waits_has_its_turn_before_what_is_made_ahead(thinking):
    busy = await in_the_model_phase(thinking)
    ahead = await with_a_slow_model(thinking)
    await thought(thinking)
    asking = await in_the_model_phase(thinking)
    calls = await asks(thinking, busy, 1)
    question = await thought(thinking, answer=False)
    await thinking.report_own(ahead, x=0.5)
    calls += await asks(thinking, asking, 1)
    question.answer()

    turns = [(await thought(thinking)).problem.experiment.experiment_id for _ in range(2)]

    await ends(*calls)
    assert turns == [asking, ahead]


async def with_busy_models(start, **settings):
    """Return a service where two experiments want the only model, and what it works on."""
    service = await start(ControlledOptimizer(), turn_seconds=0.01, **settings)
    busy = await in_the_model_phase(service)
    waiting = await with_a_slow_model(service)
    await thought(service)
    await asks(service, busy, 1)
    return service, waiting, await thought(service, answer=False)


async def test_who_waits_too_long_for_a_turn_gets_a_point_without_a_model(start):
    service, experiment, busy = await with_busy_models(start)
    # The scripted optimizer would make the point again that is at hand.
    await service.queue(experiment, x=0.125)
    await ends(begin(service.ask(experiment)), begin(service.ask(experiment)))

    asked = begin(service.ask(experiment))
    instead = await thought(service)

    (suggestion,) = await ends(asked)
    assert instead.problem.phase is Phase.SPACE_FILLING
    assert suggestion.provenance.fallback_reason == "the models were busy with other experiments"
    busy.answer()
    await thought(service)
    assert await is_quiet(service)


async def who_waits_while_the_models_load(start, **settings):
    """Return a service whose models load, a call that waits for them, and what they work on."""
    service, experiment, busy = await with_busy_models(start, **settings)
    service.optimizer.loading = True
    await service.queue(experiment, x=0.125)
    await ends(begin(service.ask(experiment)), begin(service.ask(experiment)))
    return service, begin(service.ask(experiment)), busy


async def test_who_waits_while_the_models_load_waits_for_them(start):
    service, asked, busy = await who_waits_while_the_models_load(start)
    assert await is_quiet(service)

    service.optimizer.loading = False
    await thought(service)

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.fallback_reason == "the models were busy with other experiments"
    busy.answer()


async def test_who_waits_too_long_for_the_models_to_load_gets_a_point_without_one(start):
    service, asked, busy = await who_waits_while_the_models_load(start, loading_seconds=0.1)
    await thought(service)

    (suggestion,) = await ends(asked)

    assert suggestion.provenance.fallback_reason == "the models were still loading"
    busy.answer()


async def test_who_waits_too_long_for_a_turn_takes_a_stale_point_first(start):
    service, experiment, busy = await with_busy_models(start)
    await service.report_own(experiment, x=0.5)
    service.clock.advance(100)

    (suggestion,) = await ends(begin(service.ask(experiment)))

    assert suggestion.provenance.generator is Generator.MODEL
    assert suggestion.provenance.observation_count == 6
    busy.answer()


async def test_who_says_so_waits_longer_for_a_turn(start):
    service, experiment, busy = await with_busy_models(start)
    await service.report_own(experiment, x=0.5)
    asked = begin(service.ask(experiment, max_wait_seconds=3600))
    assert await is_quiet(service)

    busy.answer()
    await thought(service)

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.observation_count == 7


async def test_who_has_the_turn_waits_for_the_model_however_long(start):
    service = await start(ControlledOptimizer(), turn_seconds=0.01)
    experiment = await in_the_model_phase(service)
    asked = begin(service.ask(experiment))
    question = await thought(service, answer=False)
    assert await is_quiet(service)

    question.answer()

    (suggestion,) = await ends(asked)
    assert suggestion.provenance.generator is Generator.MODEL


async def test_more_calls_than_the_limit_says_do_not_wait(start):
    service = await start(ControlledOptimizer(), waiting_limit=2)
    experiment = await service.define()
    await asks(service, experiment, 2)

    with pytest.raises(Overloaded):
        await service.ask(experiment, "one too many")


async def test_at_the_end_of_the_service_nobody_waits_for_a_point(thinking):
    experiment = await thinking.define()
    waiting = await asks(thinking, experiment, 2)

    await thinking.planner.close()

    for call in (*waiting, begin(thinking.ask(experiment, "late"))):
        with pytest.raises(ShuttingDown):
            await ends(call)


async def test_a_finished_experiment_asks_the_optimizer_nothing(thinking):
    experiment = await in_the_model_phase(thinking, budget=6)

    with pytest.raises(BudgetSpent):
        await thinking.ask(experiment)
    assert await is_quiet(thinking)


async def test_random_points_are_made_many_at_a_time_because_none_gets_stale(service):
    experiment = await service.define(type=ExperimentType.RANDOM)

    await service.evaluate(experiment, 100)

    assert [each.count for each in service.optimizer.problems] == [50, 50]
    assert [each.index for each in service.optimizer.problems] == [0, 50]


async def test_no_more_random_points_are_made_than_the_budget_has_room_for(service):
    experiment = await service.define(type=ExperimentType.RANDOM, budget=60)

    await service.evaluate(experiment, 60)

    assert [each.count for each in service.optimizer.problems] == [50, 10]


async def test_the_optimizer_is_asked_once_for_each_point_of_a_lone_worker(service):
    experiment = await service.define()

    await service.evaluate(experiment, 20)

    assert len(service.optimizer.problems) == 20
