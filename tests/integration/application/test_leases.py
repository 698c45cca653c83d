"""Who holds what, and for how long."""

from datetime import timedelta

import pytest
from tests.support.use_cases import LEASE

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.ports import Page
from nextpoint_service.application.suggestions import HandOut
from nextpoint_service.domain.errors import InvalidRequest, LeaseLost, RunEnded, SuggestionNotFound
from nextpoint_service.domain.report import ValueDraft
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.suggestion import SuggestionState

TASTE = [ValueDraft("taste", 1.0)]


def hand_out_of(suggestion):
    return HandOut(suggestion.suggestion_id, suggestion.attempt)


async def state_of(service, suggestion):
    return (await service.suggestions.get(suggestion.suggestion_id)).state


async def test_a_lease_that_ended_hands_the_suggestion_to_another_worker(service):
    experiment = await service.define()
    lost = await service.ask(experiment, "w1")

    assert await service.pass_time(60) == 1
    again = await service.ask(experiment, "w2")

    assert (again.suggestion_id, again.attempt) == (lost.suggestion_id, 2)
    assert again.lease.worker_id == "w2"


async def test_a_lease_holds_until_its_last_moment(service):
    suggestion = await service.ask(await service.define())

    assert await service.pass_time(59.999) == 0
    assert await state_of(service, suggestion) is SuggestionState.LEASED


async def test_a_lease_lasts_as_long_as_the_caller_says(service):
    suggestion = await service.ask(await service.define(), lease_seconds=3600)

    assert suggestion.lease.expires == service.clock() + timedelta(hours=1)
    assert await service.pass_time(3599) == 0
    assert await service.pass_time(1) == 1


@pytest.mark.parametrize("seconds", [0.999, 30 * 86400 + 1, float("nan")])
async def test_a_lease_that_is_too_short_or_too_long_is_refused(service, seconds):
    experiment = await service.define()

    with pytest.raises(InvalidRequest, match="lease_duration"):
        await service.ask(experiment, lease_seconds=seconds)
    with pytest.raises(InvalidRequest, match="lease_duration"):
        await service.suggestions.renew([HandOut("sug_1", 1)], seconds)


async def test_the_late_outcome_of_a_lost_worker_is_kept(service):
    experiment = await service.define()
    first = await service.ask(experiment, "w1")
    await service.pass_time(60)
    second = await service.ask(experiment, "w2")

    late = await service.report(first, 1.0)
    await service.report(second, 2.0)

    kept = await service.observations.list(experiment, Page(10))
    assert [each.values["taste"].value for _, each in kept] == [2.0, 1.0]
    assert late.suggestion_id == second.suggestion_id
    assert await state_of(service, second) is SuggestionState.OBSERVED


async def test_a_worker_renews_its_leases_by_a_call(service):
    suggestion = await service.ask(await service.define())
    service.clock.advance(50)

    renewal = await service.suggestions.renew([hand_out_of(suggestion)], None)

    assert renewal.renewed == (hand_out_of(suggestion),)
    assert await service.pass_time(59) == 0
    assert await service.pass_time(1) == 1


async def test_a_renewal_says_which_leases_are_lost(service):
    experiment = await service.define()
    held, given_back, observed, taken = [
        hand_out_of(await service.ask(experiment, "w1")) for _ in range(4)
    ]
    await service.report(await service.suggestions.get(observed.suggestion_id))
    await service.suggestions.release(taken, NOT_REPEATED)
    await service.ask(experiment, "w2")
    await service.suggestions.release(given_back, NOT_REPEATED)
    unknown = HandOut("sug_0", 1)

    asked = [held, given_back, observed, taken, unknown]
    renewal = await service.suggestions.renew(asked, None)

    assert renewal.renewed == (held,)
    assert renewal.lost == (given_back, observed, taken, unknown)


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_renewal_of_none_or_too_many_is_refused(service, count):
    with pytest.raises(InvalidRequest, match="hand_outs"):
        await service.suggestions.renew([HandOut("sug_1", 1)] * count, None)


async def test_the_leases_of_a_worker_with_a_stream_are_renewed(service):
    experiment = await service.define()
    kept = await service.ask(experiment, "w1")
    lost = await service.ask(experiment, "w2")

    for _ in range(10):
        await service.pass_time(29, (experiment, "w1"))

    assert await state_of(service, kept) is SuggestionState.LEASED
    assert await state_of(service, lost) is SuggestionState.WAITING


async def test_a_stream_of_another_experiment_renews_nothing(service):
    experiment, other = await service.define(), await service.define()
    await service.ask(experiment, "w1")

    assert await service.pass_time(60, (other, "w1")) == 1


async def test_a_run_that_logs_renews_its_lease(service):
    run = await service.open_run(await service.define())
    service.clock.advance(50)

    await service.runs.log(run.run_id, TASTE, NOT_REPEATED)

    assert await service.pass_time(59) == 0
    assert await service.pass_time(1) == 1


async def test_logging_shortens_no_lease(service):
    run = await service.open_run(await service.define())
    held = [HandOut(run.suggestion_id, run.attempt)]
    await service.suggestions.renew(held, 3600)

    await service.runs.log(run.run_id, TASTE, NOT_REPEATED)

    assert await service.pass_time(3599) == 0


async def test_after_a_restart_every_lease_lasts_its_full_time(service):
    experiment = await service.define()
    long = await service.ask(experiment, lease_seconds=7200)
    suggestion = await service.ask(experiment)
    service.clock.advance(3600)

    assert await service.housekeeping.begin() == 1

    assert await service.pass_time(59) == 0
    assert await service.pass_time(1) == 1
    assert await state_of(service, suggestion) is SuggestionState.WAITING
    assert (await service.suggestions.get(long.suggestion_id)).lease == long.lease


async def test_only_the_hand_out_that_holds_a_suggestion_gives_it_back(service):
    experiment = await service.define()
    first = await service.ask(experiment, "w1")
    await service.release(first)
    second = await service.ask(experiment, "w2")

    with pytest.raises(LeaseLost):
        await service.release(first)
    with pytest.raises(LeaseLost):
        await service.suggestions.release(HandOut(second.suggestion_id, 3), NOT_REPEATED)
    with pytest.raises(SuggestionNotFound):
        await service.suggestions.release(HandOut("sug_0", 1), NOT_REPEATED)
    assert (await service.release(second)).state is SuggestionState.WAITING


async def test_a_queued_suggestion_cannot_be_given_back(service):
    queued = await service.queue(await service.define(), x=0.5)

    with pytest.raises(LeaseLost):
        await service.release(queued)


async def test_a_run_lapses_with_its_lease_and_can_still_be_completed(service):
    experiment = await service.define()
    run = await service.open_run(experiment)
    await service.runs.log(run.run_id, TASTE, NOT_REPEATED)

    await service.pass_time(60)
    lapsed = await service.runs.get(run.run_id)
    assert lapsed.state is RunState.LAPSED
    assert (await service.progress(experiment)).active_runs == 0

    completed = await service.runs.complete(run.run_id, NOT_REPEATED)
    assert completed.state is RunState.COMPLETED
    observation = await service.observations.get(completed.observation_id)
    assert observation.run_id == run.run_id


async def test_a_run_that_lapsed_can_be_failed_and_goes_on_logging(service):
    run = await service.open_run(await service.define())
    await service.pass_time(60)

    logged = await service.runs.log(run.run_id, TASTE, NOT_REPEATED)
    assert (logged.state, logged.values["taste"].value) == (RunState.LAPSED, 1.0)
    failed = await service.runs.fail(run.run_id, NOT_REPEATED)
    assert failed.state is RunState.FAILED
    with pytest.raises(RunEnded):
        await service.runs.fail(run.run_id, NOT_REPEATED)


async def test_the_run_that_holds_a_suggestion_lapses_when_the_late_one_completes(service):
    experiment = await service.define()
    late = await service.open_run(experiment, "w1")
    await service.pass_time(60)
    holder = await service.open_run(experiment, "w2")
    assert (holder.suggestion_id, holder.attempt) == (late.suggestion_id, 2)

    for run in (late, holder):
        await service.runs.log(run.run_id, TASTE, NOT_REPEATED)
    await service.runs.complete(late.run_id, NOT_REPEATED)

    assert (await service.runs.get(holder.run_id)).state is RunState.LAPSED
    await service.runs.complete(holder.run_id, NOT_REPEATED)
    assert (await service.progress(experiment)).observations == 2


async def test_giving_back_the_suggestion_of_a_run_lapses_it(service):
    run = await service.open_run(await service.define())

    held = HandOut(run.suggestion_id, run.attempt)
    await service.suggestions.release(held, NOT_REPEATED)

    assert (await service.runs.get(run.run_id)).state is RunState.LAPSED


async def test_the_outcome_of_a_run_took_as_long_as_the_run(service):
    run = await service.open_run(await service.define())
    service.clock.advance(40)

    failed = await service.runs.fail(run.run_id, NOT_REPEATED)

    assert (await service.observations.get(failed.observation_id)).seconds == 40


async def test_the_default_lease_is_that_of_the_service(service):
    suggestion = await service.ask(await service.define())

    assert suggestion.lease.expires - suggestion.lease.started == LEASE
