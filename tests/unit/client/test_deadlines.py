"""How long calls may take: what the service config of all languages says, or the user."""

import json

import pytest
from tests.unit.client.conftest import a_created_suggestion, closed, opened

import nextpoint


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

    assert service.seconds_left["GetExperiment"] == pytest.approx(seconds, abs=5)


def test_the_service_config_does_not_cut_what_the_user_says(service, seconds):
    with nextpoint.Client(service.address, timeout=2 * seconds) as client:
        client.get_experiment("exp_1")

    assert service.seconds_left["GetExperiment"] == pytest.approx(2 * seconds, abs=5)


def test_what_the_service_is_asked_to_wait_comes_on_top(service, seconds):
    service.script("CreateSuggestion", a_created_suggestion())

    with nextpoint.Client(service.address) as client:
        client.get_experiment("exp_1").create_suggestion(max_wait=3 * seconds)

    assert service.seconds_left["CreateSuggestion"] == pytest.approx(4 * seconds, abs=5)


def test_a_stream_may_take_as_long_as_it_likes(service):
    service.script("StreamSuggestions", [opened(), closed()])

    with nextpoint.Client(service.address) as client:
        assert list(client.get_experiment("exp_1").suggestions()) == []

    # As gRPC says that there is no deadline.
    assert service.seconds_left["StreamSuggestions"] > 1e9
