import asyncio
import threading

import grpc
import pytest
from tests.unit.client.conftest import (
    PATIENCE_SECONDS,
    SILENCE,
    Failure,
    a_created_suggestion,
    a_get_experiment,
    a_run,
    assigned,
    closed,
    observed,
    opened,
)

import nextpoint
import nextpoint.aio
from nextpoint.v1 import run_pb2, run_service_pb2, suggestion_service_pb2


@pytest.fixture
async def client(service):
    async with nextpoint.aio.Client(service.address, timeout=PATIENCE_SECONDS) as made:
        yield made


@pytest.fixture
async def experiment(client):
    return await client.get_experiment("exp_1")


async def test_a_suggestion_is_asked_for_and_observed(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion())

    suggestion = await experiment.create_suggestion()
    observation = await experiment.create_observation(suggestion=suggestion, values={"loss": 1})

    assert observation.values == {"loss": 1}


async def test_an_error_is_of_the_same_tree(service, client):
    service.script(
        "GetExperiment",
        Failure(
            grpc.StatusCode.INVALID_ARGUMENT,
            reason="INVALID_REQUEST",
            violations=(("name", "is missing"),),
        ),
    )

    with pytest.raises(nextpoint.InvalidArgumentError) as raised:
        await client.get_experiment("exp_1")

    assert raised.value.violations == (nextpoint.FieldViolation("name", "is missing"),)


async def test_a_run_ends_with_its_block(service, experiment):
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))
    failed = a_run(state=run_pb2.RUN_STATE_FAILED)
    service.script("FailRun", run_service_pb2.FailRunResponse(run=failed))

    with pytest.raises(ZeroDivisionError):
        async with await experiment.create_run():
            raise ZeroDivisionError

    assert len(service.requests("FailRun")) == 1


async def test_a_cancelled_run_gives_its_suggestion_back(service, experiment):
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))
    inside = asyncio.Event()

    async def evaluate():
        async with await experiment.create_run():
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(evaluate())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(service.requests("ReleaseSuggestion")) == 1


async def test_what_is_held_is_renewed(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion())

    held = await experiment.create_suggestion(lease_duration=0.15)

    requests = await asyncio.to_thread(service.wait_for, "RenewLeases", 2)
    assert [each.suggestion_id for each in requests[-1].hand_outs] == [held.id]


async def test_leaving_the_stream_gives_back_what_is_evaluated(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])
    stream = experiment.suggestions()
    await anext(stream)

    await stream.aclose()

    assert [each.suggestion_id for each in service.requests("ReleaseSuggestion")] == ["sug_1"]


async def test_leaving_the_loop_gives_back_a_run_that_nobody_began(service, experiment):
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))
    loop = experiment.loop()
    run = await anext(loop)

    await loop.aclose()

    (request,) = service.requests("ReleaseSuggestion")
    assert request.suggestion_id == run.suggestion_id


async def test_a_break_of_the_stream_is_mended(service, experiment):
    away = Failure(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN")
    service.script(
        "StreamSuggestions",
        [opened(), assigned("sug_1"), away],
        [opened(heartbeat_seconds=0.05), assigned("sug_1"), SILENCE],
        [opened(), assigned("sug_2"), closed()],
    )

    assert [each.id async for each in experiment.suggestions()] == ["sug_1", "sug_2"]
    assert len({each.worker_id for each in service.requests("StreamSuggestions")}) == 1


async def test_leaving_the_loop_ends_the_stream(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])
    stream = experiment.suggestions()

    await anext(stream)
    await stream.aclose()

    assert await asyncio.to_thread(service.stream_ended.wait, PATIENCE_SECONDS)


async def test_a_coroutine_function_is_optimized_by_tasks(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), assigned("sug_2"), closed()])
    together = asyncio.Barrier(2)

    async def evaluate(params):
        await together.wait()
        return params.lr

    await experiment.optimize(evaluate, workers=2)

    assert len(service.requests("CreateObservation")) == 2


async def test_a_plain_function_is_optimized_by_threads(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), assigned("sug_2"), closed()])
    together = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def evaluate(params):
        together.wait()
        return params.lr

    await experiment.optimize(evaluate, workers=2)

    assert len(service.requests("CreateObservation")) == 2


async def test_a_function_may_return_a_coroutine(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), closed()])

    async def evaluate(params):
        return params.lr

    await experiment.optimize(lambda params: evaluate(params))  # noqa: PLW0108  that is the point

    assert not service.requests("CreateObservation")[0].failed


async def test_a_cancelled_optimization_gives_back_what_it_holds(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), assigned("sug_2"), SILENCE])
    together = asyncio.Barrier(3)

    async def evaluate(_):
        await together.wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(experiment.optimize(evaluate, workers=2))
    await together.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    released = {each.suggestion_id for each in service.requests("ReleaseSuggestion")}
    assert released == {"sug_1", "sug_2"}
    assert service.requests("CreateObservation") == []


async def test_a_cancelled_optimization_reports_what_was_measured(service, experiment, monkeypatch):
    monkeypatch.setattr("nextpoint._backoff.Backoff.delay_after", lambda *_: PATIENCE_SECONDS)
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])
    service.script("CreateObservation", Failure(grpc.StatusCode.DEADLINE_EXCEEDED), observed)

    task = asyncio.create_task(experiment.optimize(lambda _: 1))
    await asyncio.to_thread(service.wait_for, "CreateObservation")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    first, again = service.requests("CreateObservation")
    assert first == again
    assert service.requests("ReleaseSuggestion") == []


async def test_a_loop_over_runs_is_asynchronous(service, experiment):
    answer = run_service_pb2.CreateRunResponse(run=a_run())
    spent = Failure(grpc.StatusCode.FAILED_PRECONDITION, reason="BUDGET_SPENT")
    service.script("CreateRun", answer, spent)

    assert [run.id async for run in experiment.loop()] == ["run_1"]


async def test_it_is_finished_when_nothing_is_left(service, experiment):
    service.script("GetExperiment", a_get_experiment(budget=1, remaining_budget=0))
    service.script("ListSuggestions", suggestion_service_pb2.ListSuggestionsResponse())

    assert await experiment.is_finished()


async def test_a_closed_client_ends_the_stream_with_an_error(service, client, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])
    stream = experiment.suggestions()
    await anext(stream)

    await client.close()

    with pytest.raises(nextpoint.StateError, match="closed"):
        await anext(stream)
