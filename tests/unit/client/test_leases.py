import gc
import logging
import threading

import grpc
import pytest
from tests.unit.client.conftest import (
    PATIENCE_SECONDS,
    Failure,
    a_created_suggestion,
    a_get_experiment,
    a_run,
    everything_renewed,
)

import nextpoint
from nextpoint.v1 import run_service_pb2, suggestion_service_pb2

SHORT = 0.15


@pytest.fixture
def held(service, experiment):
    """A suggestion that is held for a short time."""
    service.script("CreateSuggestion", a_created_suggestion(attempt=3))
    return experiment.create_suggestion(lease_duration=SHORT)


def test_what_is_held_is_renewed_again_and_again(service, held):
    requests = service.wait_for("RenewLeases", count=3)

    for request in requests:
        assert [(each.suggestion_id, each.attempt) for each in request.hand_outs] == [("sug_1", 3)]
        assert request.lease_duration.ToMilliseconds() == 150


def test_the_service_is_told_how_long_the_lease_lasts(service, held):
    assert service.requests("CreateSuggestion")[0].lease_duration.ToMilliseconds() == 150


def test_a_run_is_renewed_like_a_suggestion(service, experiment):
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))

    run = experiment.create_run(lease_duration=SHORT)

    (request,) = service.wait_for("RenewLeases")[:1]
    assert request.hand_outs[0].suggestion_id == run.suggestion_id == "sug_of_run_1"


ENDS = {
    "observed": lambda experiment, held: experiment.create_observation(
        suggestion=held, failed=True
    ),
    "observed by its id": lambda experiment, held: experiment.create_observation(
        suggestion=held.id, failed=True
    ),
    "released": lambda _, held: held.release(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_what_is_no_longer_held_is_not_renewed(service, experiment, held, end):
    end(experiment, held)

    # A second one, held after it, is renewed without it.
    service.script("CreateSuggestion", a_created_suggestion("sug_2"))
    second = experiment.create_suggestion(lease_duration=SHORT)
    count = len(service.requests("RenewLeases"))
    last = service.wait_for("RenewLeases", count=count + 2)[-1]
    assert [each.suggestion_id for each in last.hand_outs] == [second.id] == ["sug_2"]


def test_what_the_user_dropped_is_not_renewed(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion(), a_created_suggestion("sug_2"))
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))
    experiment.create_suggestion(lease_duration=SHORT)
    experiment.create_run(lease_duration=SHORT)
    gc.collect()

    kept = experiment.create_suggestion(lease_duration=SHORT)

    # What was let go of later than it was due, or is being renewed right now, does not count.
    count = len(service.requests("RenewLeases"))
    for request in service.wait_for("RenewLeases", count=count + 4)[count + 1 :]:
        assert [each.suggestion_id for each in request.hand_outs] == [kept.id]


def test_that_a_dropped_suggestion_ends_the_search_short_is_no_secret(service, experiment, caplog):
    service.script("CreateSuggestion", a_created_suggestion())
    service.script("ListSuggestions", suggestion_service_pb2.ListSuggestionsResponse())
    service.script("GetExperiment", a_get_experiment(budget=1, remaining_budget=0))
    held = experiment.create_suggestion()

    with caplog.at_level(logging.WARNING, logger="nextpoint"):
        assert experiment.is_finished()
        assert not caplog.messages
        del held
        gc.collect()
        assert experiment.is_finished()

    (message,) = caplog.messages
    assert "experiment exp_1: 1 suggestion" in message
    assert "release" in message


def test_a_lost_lease_is_no_exception_and_not_renewed_again(service, experiment):
    renewed = []
    first_left_out = threading.Event()

    def lose_the_first(request):
        renewed.append([each.suggestion_id for each in request.hand_outs])
        # As long as both are held, the first one is renewed in between.
        if renewed[-2:] == [["sug_2"], ["sug_2"]]:
            first_left_out.set()
        lost = suggestion_service_pb2.HandOut(suggestion_id="sug_1", attempt=3)
        return suggestion_service_pb2.RenewLeasesResponse(lost=[lost])

    service.script("RenewLeases", lose_the_first)
    first, second = a_created_suggestion(attempt=3), a_created_suggestion("sug_2")
    service.script("CreateSuggestion", first, second)

    lost = experiment.create_suggestion(lease_duration=SHORT)
    kept = experiment.create_suggestion(lease_duration=5 * SHORT)

    assert first_left_out.wait(PATIENCE_SECONDS)
    experiment.create_observation(suggestion=lost, values=0.5)
    assert ["sug_1"] in renewed
    assert kept.id == "sug_2"


def test_a_renewal_that_fails_is_tried_again(service, held):
    service.script(
        "RenewLeases", Failure(grpc.StatusCode.INTERNAL, reason="INTERNAL"), everything_renewed
    )

    assert len(service.wait_for("RenewLeases", count=3)) >= 3


def test_each_lease_is_renewed_for_as_long_as_it_was_taken(service, experiment, held):
    service.script("CreateSuggestion", a_created_suggestion("sug_2"))
    longer = experiment.create_suggestion(lease_duration=2 * SHORT)

    before = len(service.requests("RenewLeases"))

    requests = service.wait_for("RenewLeases", count=before + 6)
    lengths = {
        (each.hand_outs[0].suggestion_id, each.lease_duration.ToMilliseconds()) for each in requests
    }
    assert lengths == {(held.id, 150), (longer.id, 300)}


def test_a_closed_client_renews_and_gives_back_nothing(service):
    service.script("CreateSuggestion", a_created_suggestion())

    with nextpoint.Client(service.address, timeout=PATIENCE_SECONDS) as client:
        held = client.get_experiment("exp_1").create_suggestion(lease_duration=SHORT)
        service.wait_for("RenewLeases")

    assert held.id
    assert service.requests("ReleaseSuggestion") == []
