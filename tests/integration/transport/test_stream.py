"""What a worker gets on its stream."""

import asyncio

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode
from structlog.testing import capture_logs
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.grpc_service import refusal

from nextpoint.v1 import suggestion_pb2, suggestion_service_pb2

SECONDS = 10


async def test_the_first_event_says_what_the_worker_can_rely_on(serve):
    api = await serve(heartbeat_seconds=7.5, lease_seconds=30)
    stream = api.stream((await api.define()).experiment_id)

    opened = await stream.expect("opened")

    assert opened.heartbeat_interval.ToMilliseconds() == 7500
    assert opened.lease_duration.ToMilliseconds() == 30000


async def test_the_first_event_comes_before_any_point_is_made(serve):
    api = await serve(ControlledOptimizer())

    stream = api.stream((await api.define()).experiment_id)

    assert (await stream.next())[0] == "opened"


async def test_a_worker_that_reports_gets_the_next(api):
    experiment = await api.define()
    stream = await api.opened(experiment.experiment_id, "w1")

    first = await stream.assigned()
    await api.report(first)
    second = await stream.assigned()

    assert first.lease.worker_id == second.lease.worker_id == "w1"
    assert first.suggestion_id != second.suggestion_id


async def test_what_is_sent_had_been_leased(api):
    stream = await api.opened((await api.define()).experiment_id)

    sent = await stream.assigned()

    request = suggestion_service_pb2.GetSuggestionRequest(suggestion_id=sent.suggestion_id)
    assert (await api.suggestions.GetSuggestion(request)).suggestion == sent
    assert sent.state == suggestion_pb2.SUGGESTION_STATE_LEASED


async def test_a_worker_that_comes_back_first_gets_what_it_holds(api):
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment, "w1", max_outstanding=2)
    held = [await stream.assigned(), await stream.assigned()]
    stream.cancel()

    again = await api.opened(experiment, "w1", max_outstanding=3)

    assert [await again.assigned(), await again.assigned()] == held
    assert (await again.assigned()).suggestion_id not in {each.suggestion_id for each in held}


async def test_what_a_worker_asked_for_by_call_comes_on_its_stream_too(api):
    experiment = (await api.define()).experiment_id
    asked = await api.ask(experiment, worker_id="w1")

    stream = await api.opened(experiment, "w1")

    assert await stream.assigned() == asked


async def test_a_second_stream_of_a_worker_ends_the_first(api):
    experiment = (await api.define()).experiment_id
    first = await api.opened(experiment, "w1")
    held = await first.assigned()

    second = await api.opened(experiment, "w1")

    refused = await first.refusal()
    assert (refused.code, refused.reason) == (StatusCode.ABORTED, "WORKER_REPLACED")
    assert refused.metadata == {"worker_id": "w1"}
    assert await second.assigned() == held


async def test_the_same_worker_id_has_a_stream_on_each_experiment(api):
    streams = [
        await api.opened((await api.define()).experiment_id, "w1"),
        await api.opened((await api.define()).experiment_id, "w1"),
    ]

    assert len({(await each.assigned()).experiment_id for each in streams}) == 2


async def test_a_stream_on_which_nothing_is_sent_beats_though_others_are_busy(serve):
    api = await serve(heartbeat_seconds=0.2)
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment, "w1")
    await stream.assigned()
    beat = asyncio.create_task(stream.next())

    while not beat.done():
        # Wakes every stream of the experiment.
        await api.change(experiment, name="rye")

    assert (await beat)[0] == "heartbeat"


async def test_a_stream_beats_while_its_point_is_being_made(serve):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer, heartbeat_seconds=0.1)
    stream = await api.opened((await api.define()).experiment_id)

    await stream.expect("heartbeat")
    (await optimizer.next_thought()).answer()

    await stream.assigned()


async def test_every_stream_is_closed_when_the_budget_is_reached(api):
    experiment = (await api.define(budget=2)).experiment_id
    worker = await api.opened(experiment, "w1", max_outstanding=2)
    held = [await worker.assigned(), await worker.assigned()]
    idle = await api.opened(experiment, "w2")

    for each in held:
        await api.report(each)

    for stream in (worker, idle):
        closed = await stream.expect("closed")
        assert closed.reason == suggestion_service_pb2.STREAM_CLOSED_REASON_BUDGET_REACHED
        assert await stream.next() == ("end", StatusCode.OK)


async def test_a_stream_on_a_finished_experiment_is_opened_and_closed(api):
    experiment = (await api.define(budget=1)).experiment_id
    await api.report(await api.ask(experiment))

    stream = await api.opened(experiment)

    closed = await stream.expect("closed")
    assert closed.reason == suggestion_service_pb2.STREAM_CLOSED_REASON_BUDGET_REACHED
    assert await stream.next() == ("end", StatusCode.OK)


async def test_a_stream_is_closed_when_the_grid_is_exhausted(api):
    experiment = (await api.define_grid(2)).experiment_id
    stream = await api.opened(experiment)

    for _ in range(2):
        await api.report(await stream.assigned())

    closed = await stream.expect("closed")
    assert closed.reason == suggestion_service_pb2.STREAM_CLOSED_REASON_GRID_EXHAUSTED
    assert await stream.next() == ("end", StatusCode.OK)


async def test_a_stream_is_closed_when_the_experiment_is_archived(api):
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment)
    await stream.assigned()

    await api.archive(experiment)

    closed = await stream.expect("closed")
    assert closed.reason == suggestion_service_pb2.STREAM_CLOSED_REASON_EXPERIMENT_ARCHIVED
    assert await stream.next() == ("end", StatusCode.OK)


async def test_a_worker_waits_for_what_others_hold_of_the_budget(serve):
    api = await serve(lease_seconds=1)
    experiment = (await api.define(budget=1)).experiment_id
    lost = await api.ask(experiment, worker_id="gone")

    stream = await api.opened(experiment, "w1")

    taken_over = await stream.assigned()
    assert (taken_over.suggestion_id, taken_over.attempt) == (lost.suggestion_id, 2)


async def test_a_raised_budget_gives_waiting_workers_work(api):
    experiment = (await api.define(budget=1)).experiment_id
    await api.ask(experiment, worker_id="other")
    stream = await api.opened(experiment, "w1")

    await api.change(experiment, budget=2)

    assert (await stream.assigned()).lease.worker_id == "w1"


async def test_a_suggestion_that_was_released_elsewhere_comes_with_the_next_attempt(api):
    stream = await api.opened((await api.define()).experiment_id, "w1")
    first = await stream.assigned()

    await api.release(first)

    again = await stream.assigned()
    assert (again.suggestion_id, again.attempt) == (first.suggestion_id, 2)


async def test_breaking_a_stream_off_leaves_its_leases(api):
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment, "w1")
    held = await stream.assigned()

    with capture_logs() as lines:
        stream.cancel()
        while not any(each["event"] == "call" and each["code"] == "CANCELLED" for each in lines):
            await api.get(experiment)

    request = suggestion_service_pb2.GetSuggestionRequest(suggestion_id=held.suggestion_id)
    assert (await api.suggestions.GetSuggestion(request)).suggestion == held


async def test_a_stream_renews_the_leases_of_its_worker(serve):
    api = await serve(lease_seconds=1, heartbeat_seconds=0.5)
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment, "w1")
    held = await stream.assigned()
    lost = await api.ask(experiment, worker_id="w2")

    async def state_of(suggestion):
        request = suggestion_service_pb2.GetSuggestionRequest(
            suggestion_id=suggestion.suggestion_id
        )
        return (await api.suggestions.GetSuggestion(request)).suggestion

    async with asyncio.timeout(SECONDS):
        while (await state_of(lost)).state != suggestion_pb2.SUGGESTION_STATE_WAITING:
            assert (await stream.next())[0] == "heartbeat"

    kept = await state_of(held)
    assert kept.attempt == 1
    assert kept.lease.expire_time.ToNanoseconds() > held.lease.expire_time.ToNanoseconds()


async def test_a_worker_on_a_service_that_goes_away_is_told_to_come_back(serve):
    api = await serve()
    stream = await api.opened((await api.define()).experiment_id)
    await stream.assigned()

    stopping = asyncio.create_task(api.service.aclose())

    refused = await stream.refusal()
    assert (refused.code, refused.reason) == (StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert refused.retry_seconds == 1.0
    await asyncio.wait_for(stopping, SECONDS)


async def test_a_worker_outlives_a_restart_of_the_service(serve):
    api = await serve(lease_seconds=30)
    experiment = (await api.define()).experiment_id
    held = await (await api.opened(experiment, "w1")).assigned()
    await api.service.aclose()

    api = await serve(lease_seconds=30)
    again = await (await api.opened(experiment, "w1")).assigned()

    assert (again.suggestion_id, again.attempt) == (held.suggestion_id, held.attempt)
    assert again.lease.expire_time.ToNanoseconds() > held.lease.expire_time.ToNanoseconds()


@pytest.mark.parametrize(
    ("fields", "violations"),
    [
        ({"worker_id": ""}, ["worker_id"]),
        ({"worker_id": "w" * 101, "max_outstanding": -1}, ["worker_id", "max_outstanding"]),
        ({"worker_id": "w", "max_outstanding": 1001}, ["max_outstanding"]),
        ({"max_wait": Duration(seconds=-1)}, ["max_wait"]),
        ({"max_wait": Duration(seconds=3601)}, ["max_wait"]),
        ({"max_wait": Duration(seconds=1, nanos=-1)}, ["max_wait"]),
    ],
)
async def test_a_stream_that_is_asked_for_wrongly_is_refused_before_anything(
    api, fields, violations
):
    refused = await api.stream((await api.define()).experiment_id, **fields).refusal()

    assert (refused.code, refused.fields) == (StatusCode.INVALID_ARGUMENT, violations)


async def test_a_stream_of_no_experiment_is_an_error_before_anything(api):
    stream = api.stream("exp_0")

    refused = await refusal(stream.next())

    assert (refused.code, refused.reason) == (StatusCode.NOT_FOUND, "EXPERIMENT_NOT_FOUND")


async def test_a_stream_that_ended_or_was_refused_takes_no_place(serve):
    api = await serve(max_streams=1)
    experiment = (await api.define()).experiment_id
    await refusal(api.stream("exp_0").next())
    stream = await api.opened(experiment, "w1")
    assert (await api.stream(experiment, "w2").refusal()).reason == "TOO_MANY_STREAMS"

    await api.archive(experiment)
    while (await stream.next())[0] != "end":
        pass

    await api.opened(experiment, "w2")


async def test_workers_on_streams_meet_the_budget_to_the_unit(api):
    experiment = (await api.define(budget=60)).experiment_id
    evaluated = []

    async def work(name):
        stream = await api.opened(experiment, name, max_outstanding=2)
        while True:
            kind, event = await stream.next()
            if kind == "assigned":
                evaluated.append(event.suggestion.suggestion_id)
                await api.report(event.suggestion)
            elif kind == "closed":
                return event.reason

    ends = await asyncio.wait_for(asyncio.gather(*(work(f"w{number}") for number in range(20))), 30)

    assert set(ends) == {suggestion_service_pb2.STREAM_CLOSED_REASON_BUDGET_REACHED}
    assert len(evaluated) == len(set(evaluated)) == 60
