"""Every way in which a call is refused, as the caller sees it."""

import asyncio

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode
from structlog.testing import capture_logs
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.grpc_service import a_definition, at, changed, metric, refusal

from nextpoint.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    observation_service_pb2,
    run_service_pb2,
    search_space_pb2,
    suggestion_service_pb2,
)
from nextpoint_service.domain import errors
from nextpoint_service.domain.limits import Limits
from nextpoint_service.transport.errors import code_of

SECONDS = 10

CODES = {
    "INVALID_REQUEST": StatusCode.INVALID_ARGUMENT,
    "REQUEST_ID_REUSED": StatusCode.INVALID_ARGUMENT,
    "EXPERIMENT_NOT_FOUND": StatusCode.NOT_FOUND,
    "SUGGESTION_NOT_FOUND": StatusCode.NOT_FOUND,
    "OBSERVATION_NOT_FOUND": StatusCode.NOT_FOUND,
    "RUN_NOT_FOUND": StatusCode.NOT_FOUND,
    "EXPERIMENT_ARCHIVED": StatusCode.FAILED_PRECONDITION,
    "BUDGET_SPENT": StatusCode.FAILED_PRECONDITION,
    "GRID_EXHAUSTED": StatusCode.FAILED_PRECONDITION,
    "LEASE_LOST": StatusCode.FAILED_PRECONDITION,
    "NOT_QUEUED": StatusCode.FAILED_PRECONDITION,
    "RUN_ENDED": StatusCode.FAILED_PRECONDITION,
    "METRICS_MISSING": StatusCode.FAILED_PRECONDITION,
    "TOO_FEW_OBSERVATIONS": StatusCode.FAILED_PRECONDITION,
    "MODEL_UNAVAILABLE": StatusCode.RESOURCE_EXHAUSTED,
    "HYPERVOLUME_UNDEFINED": StatusCode.FAILED_PRECONDITION,
    "QUEUE_FULL": StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_OBSERVATIONS": StatusCode.RESOURCE_EXHAUSTED,
    "FRONTIER_TOO_LARGE": StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_STREAMS": StatusCode.RESOURCE_EXHAUSTED,
    "OVERLOADED": StatusCode.RESOURCE_EXHAUSTED,
    "WORKER_REPLACED": StatusCode.ABORTED,
    "SHUTTING_DOWN": StatusCode.UNAVAILABLE,
}


def leaves(kind):
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


def test_every_error_of_the_domain_has_a_code():
    codes = {
        each.reason: code_of(each.__new__(each)) for each in leaves(errors.NextpointServiceError)
    }

    assert codes == CODES


async def archived(api):
    experiment = await api.define()
    await api.archive(experiment.experiment_id)
    return experiment.experiment_id


async def reuse_a_request_id(api):
    await api.define(request_id="r1")
    await api.define(request_id="r1", name="rolls")


async def ask_of_an_archived_one(api):
    await api.ask(await archived(api))


async def spend_the_budget(api):
    experiment = await api.define(budget=1)
    await api.ask(experiment.experiment_id)
    await api.ask(experiment.experiment_id)


async def exhaust_a_grid(api):
    experiment = await api.define_grid(2)
    for _ in range(3):
        await api.ask(experiment.experiment_id)


async def give_back_twice(api):
    suggestion = await api.ask((await api.define()).experiment_id)
    await api.release(suggestion)
    await api.release(suggestion)


async def a_run(api):
    request = run_service_pb2.CreateRunRequest(experiment_id=(await api.define()).experiment_id)
    return (await api.runs.CreateRun(request)).run.run_id


async def fail_twice(api):
    request = run_service_pb2.FailRunRequest(run_id=await a_run(api))
    await api.runs.FailRun(request)
    await api.runs.FailRun(request)


async def complete_without_values(api):
    request = run_service_pb2.CompleteRunRequest(run_id=await a_run(api))
    await api.runs.CompleteRun(request)


async def delete_what_was_handed_out(api):
    suggestion = await api.ask((await api.define()).experiment_id)
    request = suggestion_service_pb2.DeleteSuggestionRequest(suggestion_id=suggestion.suggestion_id)
    await api.suggestions.DeleteSuggestion(request)


async def overfill_the_queue(api):
    experiment = await api.define()
    for _ in range(3):
        await api.queue(experiment.experiment_id, 0.5)


async def overfill_the_experiment(api):
    experiment = await api.define()
    for _ in range(3):
        await api.report_own(experiment.experiment_id, 0.5)


async def open_too_many_streams(api):
    experiment = (await api.define()).experiment_id
    await api.opened(experiment, "w1")
    await api.opened(experiment, "w2")
    await api.opened(experiment, "w3")


async def observe_a_strange_suggestion(api):
    suggestion = await api.ask((await api.define()).experiment_id)
    suggestion.experiment_id = (await api.define()).experiment_id
    await api.report(suggestion)


def by_id(stub, request):
    async def call(api):
        service, method = stub.split(".")
        await getattr(getattr(api, service), method)(request)

    return call


NO_EXPERIMENT = "EXPERIMENT_NOT_FOUND"
REFUSED = {
    "a reused request id": ("REQUEST_ID_REUSED", reuse_a_request_id),
    "get no experiment": (
        NO_EXPERIMENT,
        by_id("experiments.GetExperiment", experiment_service_pb2.GetExperimentRequest()),
    ),
    "list of no experiment": (
        NO_EXPERIMENT,
        by_id("runs.ListRuns", run_service_pb2.ListRunsRequest(experiment_id="exp_0")),
    ),
    "ask of no experiment": (NO_EXPERIMENT, lambda api: api.ask("exp_0")),
    "stream of no experiment": (NO_EXPERIMENT, lambda api: api.opened("exp_0")),
    "get no suggestion": (
        "SUGGESTION_NOT_FOUND",
        by_id("suggestions.GetSuggestion", suggestion_service_pb2.GetSuggestionRequest()),
    ),
    "observe a suggestion of another experiment": (
        "SUGGESTION_NOT_FOUND",
        observe_a_strange_suggestion,
    ),
    "get no observation": (
        "OBSERVATION_NOT_FOUND",
        by_id("observations.GetObservation", observation_service_pb2.GetObservationRequest()),
    ),
    "get no run": ("RUN_NOT_FOUND", by_id("runs.GetRun", run_service_pb2.GetRunRequest())),
    "archived": ("EXPERIMENT_ARCHIVED", ask_of_an_archived_one),
    "budget": ("BUDGET_SPENT", spend_the_budget),
    "grid": ("GRID_EXHAUSTED", exhaust_a_grid),
    "lease": ("LEASE_LOST", give_back_twice),
    "not queued": ("NOT_QUEUED", delete_what_was_handed_out),
    "run ended": ("RUN_ENDED", fail_twice),
    "metrics missing": ("METRICS_MISSING", complete_without_values),
    "queue": ("QUEUE_FULL", overfill_the_queue),
    "observations": ("TOO_MANY_OBSERVATIONS", overfill_the_experiment),
    "streams": ("TOO_MANY_STREAMS", open_too_many_streams),
}


@pytest.mark.parametrize(("reason", "call"), REFUSED.values(), ids=list(REFUSED))
async def test_a_refusal_says_its_code_reason_and_what_varies(serve, reason, call):
    limits = Limits(queued_suggestions=2, observations=2)
    refused = await refused_by(await serve(limits=limits, max_streams=2), call)

    assert (refused.code, refused.reason, refused.domain) == (CODES[reason], reason, "nextpoint")
    assert refused.metadata
    assert all(value in refused.message for value in refused.metadata.values())
    assert refused.violations == ()
    assert refused.retry_seconds is None


async def refused_by(api, call):
    return await refusal(call(api))


async def test_an_overloaded_service_says_when_to_come_back(serve):
    api = await serve(waiting_calls=1, sweep_seconds=3600)

    calls = [refusal(api.define()) for _ in range(100)]
    answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [each for each in answers if not isinstance(each, Exception)]
    assert {each.reason for each in refused} == {"OVERLOADED"}
    assert {each.code for each in refused} == {StatusCode.RESOURCE_EXHAUSTED}
    assert {each.retry_seconds for each in refused} == {1.0}
    listed = await api.experiments.ListExperiments(
        experiment_service_pb2.ListExperimentsRequest(page_size=1000)
    )
    assert len(listed.experiments) == 100 - len(refused)


async def test_all_violations_are_listed_with_their_paths(api):
    request = a_definition(
        name="",
        parameters=[
            search_space_pb2.Parameter(
                name="x",
                type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
                bounds=search_space_pb2.Bounds(min=1),
            )
        ],
        metrics=[experiment_pb2.Metric(name="m", strategy=99)],
        budget=0,
        tags=["a" * 101],
    )

    refused = await refusal(api.experiments.CreateExperiment(request))

    assert (refused.code, refused.reason, refused.domain) == (
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "nextpoint",
    )
    assert sorted(refused.fields) == [
        "budget",
        "metrics[0].strategy",
        "name",
        "parameters[0].bounds.max",
        "tags[0]",
    ]
    listed = experiment_service_pb2.ListExperimentsRequest()
    assert not (await api.experiments.ListExperiments(listed)).experiments


async def test_the_wishes_and_the_notes_of_a_run_are_checked_together(api):
    request = run_service_pb2.CreateRunRequest(
        experiment_id=(await api.define()).experiment_id, name=" ", worker_id="\n"
    )
    request.max_wait.FromSeconds(3601)
    request.lease_duration.FromSeconds(0)

    refused = await refusal(api.runs.CreateRun(request))

    assert sorted(refused.fields) == ["lease_duration", "max_wait", "name", "worker_id"]


@pytest.mark.parametrize("message", [b"\x0a\x02\xff\xfe", b"\xff\xff\xff\xff"])
async def test_bytes_that_are_no_message_are_refused_as_any_request(api, message):
    call = api.channel.unary_unary("/nextpoint.v1.ExperimentService/CreateExperiment")

    refused = await refusal(call(message))

    assert refused.code is StatusCode.INVALID_ARGUMENT
    assert refused.reason == "INVALID_REQUEST"
    assert refused.fields == ["request"]


async def test_a_stream_of_bytes_that_are_no_message_is_refused(api):
    call = api.channel.unary_stream("/nextpoint.v1.SuggestionService/StreamSuggestions")

    refused = await refusal(call(b"\xff\xff\xff\xff").read())

    assert refused.reason == "INVALID_REQUEST"


async def test_thousands_of_violations_are_an_answer_that_arrives(api):
    experiment = await api.define()
    wrong = observation_service_pb2.NewObservation(
        suggestion_id="sug_1", assignments=at(0), values=[metric(1, "ö" * 100)]
    )
    request = observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=experiment.experiment_id, observations=[wrong] * 2500
    )

    refused = await refusal(api.observations.BatchCreateObservations(request))

    assert refused.reason == "INVALID_REQUEST"
    assert refused.fields[:2] == ["observations[0].suggestion_id", "observations[0].values[0].name"]
    assert refused.violations[-1][1] == f"and {2500 * 3 - len(refused.violations) + 1} more"


async def test_a_long_answer_in_many_bytes_arrives(api):
    experiment = await api.define(
        metrics=[
            experiment_pb2.Metric(
                name=f"{number:02}" + "\U0001f35e" * 98, strategy=1 + 2 * (number > 0)
            )
            for number in range(50)
        ]
    )
    run = await api.runs.CreateRun(
        run_service_pb2.CreateRunRequest(experiment_id=experiment.experiment_id)
    )

    request = run_service_pb2.CompleteRunRequest(run_id=run.run.run_id)
    refused = await refusal(api.runs.CompleteRun(request))

    assert refused.reason == "METRICS_MISSING"


async def test_a_refused_batch_has_written_nothing(api):
    experiment = await api.define()
    right = observation_service_pb2.NewObservation(assignments=at(0.5), values=[metric(1)])
    request = observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=experiment.experiment_id,
        request_id="r1",
        observations=[right, changed(right, values=[metric(float("nan"))])],
    )

    refused = await refusal(api.observations.BatchCreateObservations(request))

    assert refused.fields == ["observations[1].values[0].value"]
    assert (await api.get(experiment.experiment_id)).progress.observation_count == 0
    request.observations.pop()
    await api.observations.BatchCreateObservations(request)


async def test_a_refused_update_has_written_nothing(api):
    experiment = await api.define()

    refused = await refusal(
        api.change(
            experiment.experiment_id,
            name="rolls",
            budget=0,
            update_mask=FieldMask(paths=["name", "budget", "type"]),
        )
    )

    assert sorted(refused.fields) == ["budget", "update_mask"]
    assert await api.get(experiment.experiment_id) == experiment


async def a_failing_call(api, experiment):
    await api.ask(experiment)


async def a_failing_stream(api, experiment):
    stream = await api.opened(experiment)
    await stream.next()


@pytest.mark.parametrize("call", [a_failing_call, a_failing_stream])
async def test_a_bug_is_a_number_for_the_caller_and_a_traceback_in_the_log(serve, call):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer)
    experiment = await api.define()

    with capture_logs() as lines:
        refused = asyncio.create_task(refusal(call(api, experiment.experiment_id)))
        (await optimizer.next_thought()).fail(ZeroDivisionError("secret"))
        refused = await asyncio.wait_for(refused, SECONDS)

    assert (refused.code, refused.reason, refused.domain) == (
        StatusCode.INTERNAL,
        "INTERNAL",
        "nextpoint",
    )
    assert refused.metadata == {"incident": refused.incident}
    assert "secret" not in refused.message
    (line,) = [each for each in lines if each.get("incident") == refused.incident]
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert line["log_level"] == "error"
    assert (await api.get(experiment.experiment_id)).progress.open_suggestion_count == 0


async def test_every_call_writes_one_line(api):
    with capture_logs() as lines:
        await api.define()
        await refusal(api.ask("exp_0"))

    told = [(each["method"], each["code"], each.get("reason")) for each in lines]
    assert told == [
        ("CreateExperiment", "OK", None),
        ("CreateSuggestion", "NOT_FOUND", "EXPERIMENT_NOT_FOUND"),
    ]


async def test_a_call_that_its_caller_breaks_off_writes_a_line(serve):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer)
    experiment = await api.define()

    with capture_logs() as lines:
        call = asyncio.create_task(api.ask(experiment.experiment_id))
        thought = await optimizer.next_thought()
        call.cancel()
        while not any(each["code"] == "CANCELLED" for each in lines):
            await api.get(experiment.experiment_id)
    thought.answer()

    # What the one waited for is handed to the next.
    suggestion = await asyncio.wait_for(api.ask(experiment.experiment_id), SECONDS)
    assert suggestion.attempt == 1
    assert len(optimizer.problems) == 1
