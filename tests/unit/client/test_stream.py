import contextlib
import threading
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from tests.unit.client.conftest import (
    PATIENCE_SECONDS,
    SILENCE,
    Failure,
    a_suggestion,
    assigned,
    closed,
    heartbeat,
    opened,
)

import nextpoint
from nextpoint._sync._concurrency import read
from nextpoint._sync._connection import Connection
from nextpoint._sync._stream import SuggestionStream
from nextpoint.v1 import suggestion_pb2, suggestion_service_pb2

AWAY = Failure(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0.01)


def test_suggestions_come_until_there_is_no_more_to_do(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), assigned("sug_2"), closed()])

    stream = experiment.suggestions(worker_id="w1", max_outstanding=2, max_wait=0.25)

    assert [suggestion.id for suggestion in stream] == ["sug_1", "sug_2"]
    (request,) = service.requests("StreamSuggestions")
    assert (request.worker_id, request.max_outstanding) == ("w1", 2)
    assert request.max_wait == Duration(nanos=250_000_000)


def test_two_workers_get_ids_of_their_own(service, experiment):
    service.script("StreamSuggestions", [opened(), closed()])

    list(experiment.suggestions())
    list(experiment.suggestions())

    first, second = service.requests("StreamSuggestions")
    assert first.worker_id != second.worker_id


def test_a_break_is_mended_with_the_same_wishes_and_what_was_seen_is_ignored(service, experiment):
    service.script(
        "StreamSuggestions",
        [opened(), assigned("sug_1"), AWAY],
        [opened(), assigned("sug_1"), assigned("sug_1", attempt=2), assigned("sug_2"), closed()],
    )

    stream = experiment.suggestions(max_outstanding=2, max_wait=0)

    seen = [(suggestion.id, suggestion.attempt) for suggestion in stream]

    assert seen == [("sug_1", 1), ("sug_1", 2), ("sug_2", 1)]
    first, second = service.requests("StreamSuggestions")
    assert first == second


def test_a_stream_that_ends_without_a_reason_is_opened_again(service, experiment):
    service.script(
        "StreamSuggestions", [opened(), assigned("sug_1")], [opened(), assigned("sug_2"), closed()]
    )

    assert [suggestion.id for suggestion in experiment.suggestions()] == ["sug_1", "sug_2"]


def test_what_was_observed_meanwhile_is_not_handed_out_again(service, experiment):
    again = [assigned("sug_1", attempt=2), assigned("sug_2", attempt=2)]
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), *again, closed()])
    observed, leased = a_suggestion("sug_1", attempt=2), a_suggestion("sug_2", attempt=2)
    observed.state = suggestion_pb2.SUGGESTION_STATE_OBSERVED
    found = [suggestion_service_pb2.GetSuggestionResponse(suggestion=s) for s in (observed, leased)]
    service.script("GetSuggestion", *found)

    seen = [(suggestion.id, suggestion.attempt) for suggestion in experiment.suggestions()]

    assert seen == [("sug_1", 1), ("sug_2", 2)]


def test_two_missed_heartbeats_are_a_break(service, experiment):
    service.script(
        "StreamSuggestions",
        [opened(heartbeat_seconds=0.05), assigned("sug_1"), SILENCE],
        [opened(), assigned("sug_1"), assigned("sug_2"), closed()],
    )

    seen = [suggestion.id for suggestion in experiment.suggestions()]

    assert seen == ["sug_1", "sug_2"]


def test_heartbeats_and_unknown_events_are_no_suggestions(service, experiment):
    unknown = type(heartbeat())()
    service.script("StreamSuggestions", [opened(), heartbeat(), unknown, assigned(), closed()])

    assert len(list(experiment.suggestions())) == 1


def test_a_replaced_worker_ends_at_once(service, experiment):
    replaced = Failure(grpc.StatusCode.ABORTED, reason="WORKER_REPLACED")
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), replaced])
    stream = experiment.suggestions()
    next(stream)

    with pytest.raises(nextpoint.WorkerReplacedError):
        next(stream)

    assert len(service.requests("StreamSuggestions")) == 1


def test_a_replaced_worker_releases_nothing_that_the_other_one_now_holds(service):
    replaced = Failure(grpc.StatusCode.ABORTED, reason="WORKER_REPLACED")
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), replaced])
    connection = Connection(service.address, PATIENCE_SECONDS)
    stream = SuggestionStream(connection, "exp_1", worker_id="w1", max_outstanding=1, max_wait=None)
    held = stream.take()
    with pytest.raises(nextpoint.WorkerReplacedError):
        stream.take()

    stream.give_back([held])
    connection.close()

    assert service.requests("ReleaseSuggestion") == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure(grpc.StatusCode.NOT_FOUND), nextpoint.NotFoundError),
        (
            Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, reason="TOO_MANY_STREAMS"),
            nextpoint.OverloadedError,
        ),
    ],
)
def test_a_stream_that_is_refused_is_not_opened_again(service, experiment, failure, kind):
    service.script("StreamSuggestions", [failure])

    with pytest.raises(kind):
        next(experiment.suggestions())

    assert len(service.requests("StreamSuggestions")) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_a_service_that_ends_before_the_stream_is_open_is_waited_for(service, experiment, code):
    service.script("StreamSuggestions", [Failure(code)], [opened(), assigned(), closed()])

    assert len(list(experiment.suggestions())) == 1


def test_the_stream_is_followed_while_the_loop_is_busy(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), AWAY], [opened(), SILENCE])
    stream = experiment.suggestions()

    next(stream)

    # Nothing is asked of the iterator, and yet it comes back.
    assert len(service.wait_for("StreamSuggestions", count=2)) == 2
    stream.close()


def test_leaving_the_loop_ends_the_stream(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])

    for _ in experiment.suggestions():
        break

    assert service.stream_ended.wait(PATIENCE_SECONDS)


def test_leaving_the_loop_gives_back_what_was_received_and_not_evaluated(service, experiment):
    both = [opened(), assigned("sug_1"), assigned("sug_2"), AWAY]
    service.script("StreamSuggestions", both, [opened(), SILENCE])

    for _ in experiment.suggestions(max_outstanding=2):
        # Both are received once the stream is opened anew.
        service.wait_for("StreamSuggestions", count=2)
        break

    released = [each.suggestion_id for each in service.requests("ReleaseSuggestion")]
    assert released == ["sug_2", "sug_1"]


def test_an_interrupt_gives_back_what_is_evaluated(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1", attempt=3), SILENCE])

    with contextlib.suppress(KeyboardInterrupt):
        for _ in experiment.suggestions():
            raise KeyboardInterrupt

    (request,) = service.wait_for("ReleaseSuggestion")
    assert (request.suggestion_id, request.attempt) == ("sug_1", 3)


def test_a_loop_that_ends_by_itself_gives_nothing_back(service, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), closed()])

    assert [each.id for each in experiment.suggestions()] == ["sug_1"]
    assert service.requests("ReleaseSuggestion") == []


def test_a_suggestion_that_blocks_the_next_one_is_named(service, experiment, caplog):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), assigned("sug_2"), closed()])

    for suggestion in experiment.suggestions():
        if suggestion.id == "sug_2":
            suggestion.release()

    warnings = [each.getMessage() for each in caplog.records]
    assert len(warnings) == 1
    assert "until suggestion sug_1 is reported or released" in warnings[0]


def test_a_worker_gives_up_on_a_service_that_stays_away(service, experiment, monkeypatch):
    monkeypatch.setattr("nextpoint._sync._stream.PATIENCE_SECONDS", -1)
    service.script("StreamSuggestions", [opened(), AWAY])

    with pytest.raises(nextpoint.UnavailableError):
        next(experiment.suggestions())


def test_the_delay_that_the_service_asks_for_is_kept(service, experiment):
    away = Failure(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0.3)
    service.script("StreamSuggestions", [opened(), away], [opened(), closed()])
    started = time.monotonic()

    list(experiment.suggestions())

    assert time.monotonic() - started >= 0.3


def test_a_closed_client_ends_the_stream_with_an_error(service, client, experiment):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), SILENCE])
    stream = experiment.suggestions()
    next(stream)

    client.close()

    with pytest.raises(nextpoint.StateError, match="closed"):
        next(stream)


def test_what_cannot_be_understood_is_no_quiet_end(service, experiment, monkeypatch):
    service.script("StreamSuggestions", [opened(), assigned("sug_1"), closed()])
    monkeypatch.delattr("nextpoint._sync._suggestion.provenance_from_proto")

    with pytest.raises(NameError):
        next(experiment.suggestions())


def test_a_message_that_never_comes_is_given_up_whatever_the_call_does():
    never = threading.Event()

    with pytest.raises(TimeoutError):
        read(iter(never.wait, None), 0.05)

    never.set()
