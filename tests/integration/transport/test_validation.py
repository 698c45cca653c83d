"""Outcomes that are only checked: what would fail fails, and nothing is written."""

import pytest
from tests.support.grpc_service import at, metric, refusal

from nextpoint.v1 import observation_service_pb2 as pb
from nextpoint_service.domain.limits import Limits


def batch(experiment_id, *outcomes, **fields):
    return pb.BatchCreateObservationsRequest(
        experiment_id=experiment_id,
        observations=[pb.NewObservation(**each) for each in outcomes],
        **fields,
    )


GOOD = {"assignments": at(0.5), "values": [metric(1)]}


async def test_what_is_only_checked_is_not_written(api):
    experiment = (await api.define(budget=5)).experiment_id
    suggestion = await api.ask(experiment)
    told = {"suggestion_id": suggestion.suggestion_id, "values": [metric(1)]}
    request = batch(experiment, GOOD, told, request_id="r", validate_only=True)

    checked = await api.observations.BatchCreateObservations(request)

    assert checked == pb.BatchCreateObservationsResponse()
    progress = (await api.get(experiment)).progress
    assert (progress.observation_count, progress.open_suggestion_count) == (0, 1)
    # Nothing was done under the id, so that it is free.
    request.validate_only = False
    made = await api.observations.BatchCreateObservations(request)
    assert len(made.observations) == 2


@pytest.mark.parametrize(
    "outcomes",
    [
        [],
        [GOOD, {"assignments": at(0.5), "values": [metric(1, "other")]}],
        [GOOD, {"assignments": at(0.5)}],
        [{"suggestion_id": "sug_none", "values": [metric(1)]}],
        [GOOD] * 3,
    ],
    ids=["nothing", "another metric", "no values", "no such suggestion", "too many"],
)
async def test_what_would_be_refused_is_refused(serve, outcomes):
    api = await serve(limits=Limits(observations=2))
    experiment = (await api.define()).experiment_id
    call = api.observations.BatchCreateObservations

    checked = await refusal(call(batch(experiment, *outcomes, validate_only=True)))

    assert checked == await refusal(call(batch(experiment, *outcomes)))


async def test_an_archived_experiment_and_the_suggestion_of_another_are_refused(api):
    first, second = [(await api.define()).experiment_id for _ in range(2)]
    suggestion = await api.ask(first)
    await api.archive(first)
    told = {"suggestion_id": suggestion.suggestion_id, "values": [metric(1)]}
    call = api.observations.BatchCreateObservations

    archived = await refusal(call(batch(first, GOOD, validate_only=True)))
    foreign = await refusal(call(batch(second, told, validate_only=True)))

    assert (archived.reason, foreign.reason) == ("EXPERIMENT_ARCHIVED", "SUGGESTION_NOT_FOUND")
