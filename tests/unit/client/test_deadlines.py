"""How long calls may take: what the service config of all languages says, or the user."""

import json
from decimal import Decimal

import numpy as np
import pytest
from tests.unit.client.conftest import a_created_suggestion, a_run, closed, opened

import nextpoint
from nextpoint.v1 import run_service_pb2


@pytest.fixture
def seconds(root):
    """What the contract's service config gives every call."""
    config = json.loads((root / "protos/service_config.json").read_text())
    every_call, *others = config["methodConfig"]
    assert every_call["name"] == [{}]
    assert not any("timeout" in each for each in others)
    return float(every_call["timeout"].removesuffix("s"))


def test_a_call_may_take_as_long_as_the_service_config_says(service, seconds):
    with nextpoint.Client(service.address) as client:
        client.get_experiment("exp_1")

    assert service.seconds_left["GetExperiment"] == pytest.approx(seconds, abs=20)


def test_the_service_config_does_not_cut_what_the_user_says(service, seconds):
    with nextpoint.Client(service.address, timeout=2 * seconds) as client:
        client.get_experiment("exp_1")

    assert service.seconds_left["GetExperiment"] == pytest.approx(2 * seconds, abs=20)


def test_what_the_service_is_asked_to_wait_comes_on_top(service, seconds):
    service.script("CreateSuggestion", a_created_suggestion())

    with nextpoint.Client(service.address) as client:
        client.get_experiment("exp_1").create_suggestion(max_wait=3 * seconds)

    assert service.seconds_left["CreateSuggestion"] == pytest.approx(4 * seconds, abs=20)


@pytest.mark.parametrize(("wait", "extra"), [(-3600, 0), (9e9, 86400)])
def test_a_wait_that_is_none_is_for_the_service_to_refuse(service, seconds, wait, extra):
    service.script("CreateSuggestion", a_created_suggestion())

    with nextpoint.Client(service.address) as client:
        client.get_experiment("exp_1").create_suggestion(max_wait=wait)

    # gRPC rounds a day to minutes for the service.
    left = service.seconds_left["CreateSuggestion"]
    assert left == pytest.approx(seconds + extra, rel=0.001, abs=20)


@pytest.mark.parametrize("kind", [Decimal, np.float32], ids=repr)
def test_spans_are_numbers_of_any_kind(service, seconds, kind):
    """A float32 added to the time of day is wrong by up to a minute."""
    service.script("CreateSuggestion", a_created_suggestion())
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))

    with nextpoint.Client(service.address, timeout=kind(2 * seconds)) as client:
        experiment = client.get_experiment("exp_1")
        held = experiment.create_suggestion(max_wait=kind(seconds), lease_duration=kind(90))
        run = experiment.create_run(max_wait=kind(seconds), lease_duration=kind(90))

    assert (held.id, run.id) == ("sug_1", "run_1")
    assert service.seconds_left["GetExperiment"] == pytest.approx(2 * seconds, abs=20)
    for call in ("CreateSuggestion", "CreateRun"):
        assert service.seconds_left[call] == pytest.approx(3 * seconds, abs=20)
        assert service.requests(call)[0].lease_duration.seconds == 90


def test_a_stream_may_take_as_long_as_it_likes(service):
    service.script("StreamSuggestions", [opened(), closed()])

    with nextpoint.Client(service.address) as client:
        assert list(client.get_experiment("exp_1").suggestions()) == []

    # As gRPC says that there is no deadline.
    assert service.seconds_left["StreamSuggestions"] > 1e9
