"""Tasks on the wire: defined, handed out, queued, reported, and counted."""

import pytest
from tests.support.grpc_service import at, metric, refusal

from nextpoint.v1 import (
    observation_service_pb2,
    run_service_pb2,
    suggestion_service_pb2,
    task_pb2,
)

FULL, TENTH = (task_pb2.Task(name="full", cost=1.0), task_pb2.Task(name="tenth", cost=0.1))


@pytest.fixture
async def experiment(api):
    """An experiment with tasks and a budget of 2, and its id."""
    return (await api.define(tasks=[TENTH, FULL], budget=2)).experiment_id


def queued(experiment, task):
    return suggestion_service_pb2.QueueSuggestionRequest(
        experiment_id=experiment, assignments=at(0.5), task=task
    )


def observed(experiment, **fields):
    return observation_service_pb2.CreateObservationRequest(
        experiment_id=experiment, values=[metric(1.0)], **fields
    )


async def test_the_full_task_comes_first_whatever_the_order(api, experiment):
    assert list((await api.get(experiment)).tasks) == [FULL, TENTH]


async def test_what_is_queued_asked_for_and_run_has_its_task(api, experiment):
    made = await api.suggestions.QueueSuggestion(queued(experiment, "tenth"))
    asked = await api.ask(experiment)
    run = await api.runs.CreateRun(run_service_pb2.CreateRunRequest(experiment_id=experiment))

    assert made.suggestion.task == asked.task == TENTH
    assert run.run.task in (FULL, TENTH)
    assert (await api.report(asked)).task == TENTH


@pytest.mark.parametrize("task", ["", "tiny"])
async def test_what_is_queued_needs_a_task_that_there_is(api, experiment, task):
    refused = await refusal(api.suggestions.QueueSuggestion(queued(experiment, task)))

    assert [field for field, _ in refused.violations] == ["task"]


async def test_a_task_is_refused_where_there_are_none(api):
    plain = (await api.define()).experiment_id
    of_queue = await refusal(api.suggestions.QueueSuggestion(queued(plain, "full")))
    own = observed(plain, assignments=at(0.5), task="full")
    of_report = await refusal(api.observations.CreateObservation(own))

    assert [field for field, _ in of_queue.violations] == ["task"]
    assert [field for field, _ in of_report.violations] == ["task"]


async def test_a_batch_names_the_task_that_is_missing(api, experiment):
    request = observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=experiment,
        observations=[
            observation_service_pb2.NewObservation(
                assignments=at(0.5), values=[metric(1.0)], task=task
            )
            for task in ("full", "")
        ],
    )

    refused = await refusal(api.observations.BatchCreateObservations(request))

    assert [field for field, _ in refused.violations] == ["observations[1].task"]


async def test_progress_has_fractions(api, experiment):
    for x in (0.1, 0.2, 0.3):
        own = observed(experiment, assignments=at(x), task="tenth")
        await api.observations.CreateObservation(own)

    progress = (await api.get(experiment)).progress

    assert (progress.budget_consumed, progress.budget_left) == (0.3, 1.7)
    assert progress.remaining_budget == 1


async def test_a_stream_ends_when_the_costs_are_the_budget(api, experiment):
    stream = await api.opened(experiment)
    tasks = []
    while (event := await stream.next())[0] != "closed":
        if event[0] == "assigned":
            tasks.append(event[1].suggestion.task)
            await api.report(event[1].suggestion)

    assert round(sum(each.cost for each in tasks), 9) == 2
    assert tasks[-1] == FULL
