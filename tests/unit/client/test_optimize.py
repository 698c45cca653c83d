import threading

import grpc
import pytest
from tests.support.endings import ENDING_SECONDS
from tests.unit.client.conftest import (
    PATIENCE_SECONDS,
    SILENCE,
    Failure,
    a_get_experiment,
    assigned,
    closed,
    observed,
    opened,
)

import nextpoint


def suggestions(count, *, then=None):
    return [opened(), *(assigned(f"sug_{n}") for n in range(1, count + 1)), then or closed()]


def test_what_the_function_returns_is_reported(service, experiment):
    service.script("StreamSuggestions", suggestions(3))

    experiment.optimize(lambda params: {"loss": params.lr})

    requests = service.requests("CreateObservation")
    assert [each.suggestion_id for each in requests] == ["sug_1", "sug_2", "sug_3"]
    assert [each.values[0].value for each in requests] == [0.5] * 3


def test_workers_evaluate_at_the_same_time(service, experiment):
    service.script("StreamSuggestions", suggestions(3))
    together = threading.Barrier(3, timeout=PATIENCE_SECONDS)

    def evaluate(_):
        together.wait()
        return 0.5

    experiment.optimize(evaluate, workers=3, max_wait=0)

    (request,) = service.requests("StreamSuggestions")
    assert (request.max_outstanding, request.HasField("max_wait")) == (3, True)
    assert len(service.requests("CreateObservation")) == 3


def test_an_exception_is_a_failed_observation(service, experiment, caplog):
    service.script("StreamSuggestions", suggestions(2))
    outcomes = iter([ZeroDivisionError("mine"), None])

    def evaluate(_):
        if error := next(outcomes):
            raise error
        return 1

    experiment.optimize(evaluate)

    assert [each.failed for each in service.requests("CreateObservation")] == [True, False]
    assert "ZeroDivisionError: mine" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_a_failed_observation(service, experiment, caplog, value):
    service.script("StreamSuggestions", suggestions(1))

    experiment.optimize(lambda _: value)

    (request,) = service.requests("CreateObservation")
    assert request.failed
    assert list(request.values) == []
    assert f"the value of 'loss' is {value}" in caplog.text


@pytest.mark.parametrize("stddev", [float("nan"), float("inf"), -1.0])
def test_a_standard_deviation_that_is_none_is_a_failed_observation(
    service, experiment, caplog, stddev
):
    service.script("StreamSuggestions", suggestions(1))

    experiment.optimize(lambda _: (1.0, stddev))

    (request,) = service.requests("CreateObservation")
    assert request.failed
    assert f"the standard deviation of 'loss' is {stddev}" in caplog.text


def test_an_archived_experiment_ends_it_without_an_error(service, experiment, caplog):
    service.script("StreamSuggestions", suggestions(1))
    archived = Failure(grpc.StatusCode.FAILED_PRECONDITION, reason="EXPERIMENT_ARCHIVED")
    service.script("CreateObservation", archived)

    experiment.optimize(lambda _: 1)

    assert "outcome of sug_1 is lost" in caplog.text
    assert not service.requests("ReleaseSuggestion")


def test_a_function_that_always_raises_is_given_up(service, experiment):
    service.script("StreamSuggestions", suggestions(5, then=SILENCE))

    def evaluate(_):
        raise ZeroDivisionError("mine")

    with pytest.raises(nextpoint.EvaluationError, match="3 evaluations in a row") as raised:
        experiment.optimize(evaluate, max_consecutive_failures=3)

    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert len(service.requests("CreateObservation")) == 3


@pytest.mark.parametrize("evaluate", [3, None, lambda: 1, lambda lr, depth: lr + depth])
def test_what_is_no_function_of_assignments_is_refused_before_anything_is_asked_for(
    service, experiment, evaluate
):
    with pytest.raises(nextpoint.InvalidArgumentError, match="must be a function of the assign"):
        experiment.optimize(evaluate)

    assert service.requests("StreamSuggestions") == []


def test_where_every_evaluation_failed_it_ends_with_an_error(service, experiment):
    service.script("StreamSuggestions", suggestions(2))

    def evaluate(_):
        raise ZeroDivisionError("mine")

    with pytest.raises(nextpoint.EvaluationError, match="all 2 evaluations failed") as caught:
        experiment.optimize(evaluate)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_failures_that_are_not_in_a_row_are_only_reported(service, experiment):
    service.script("StreamSuggestions", suggestions(6))
    turn = iter(range(6))

    def evaluate(_):
        if next(turn) % 2:
            raise ZeroDivisionError
        return 1

    experiment.optimize(evaluate, max_consecutive_failures=2)

    assert len(service.requests("CreateObservation")) == 6


def test_a_function_that_returns_nonsense_ends_it_and_the_suggestion_is_given_back(
    service, experiment
):
    service.script("StreamSuggestions", suggestions(1, then=SILENCE))

    with pytest.raises(nextpoint.InvalidArgumentError, match="low"):
        experiment.optimize(lambda _: {"loss": "low"})

    assert [each.suggestion_id for each in service.requests("ReleaseSuggestion")] == ["sug_1"]


def test_an_interrupt_gives_back_what_is_held_and_goes_on(service, experiment):
    service.script("StreamSuggestions", suggestions(2, then=SILENCE))
    both_arrived = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    main = threading.current_thread()
    over = threading.Event()

    def evaluate(_):
        both_arrived.wait()
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        over.wait(PATIENCE_SECONDS)
        return 1

    with pytest.raises(KeyboardInterrupt):
        experiment.optimize(evaluate, workers=2)

    over.set()
    released = {each.suggestion_id for each in service.requests("ReleaseSuggestion")}
    assert released == {"sug_1", "sug_2"}
    assert service.requests("CreateObservation") == []


@pytest.fixture
def patient(monkeypatch):
    """Who waits to report again, waits until everything ends."""
    monkeypatch.setattr("nextpoint._backoff.Backoff.delay_after", lambda *_: PATIENCE_SECONDS)


def interrupt_while_an_outcome_waits(service, experiment):
    service.script("StreamSuggestions", suggestions(2, then=SILENCE))
    main = threading.current_thread()

    def evaluate(params):
        if threading.current_thread() is not main:
            return params.lr
        service.wait_for("CreateObservation")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.optimize(evaluate, workers=2)


@pytest.mark.usefixtures("patient")
def test_an_interrupt_reports_what_was_measured_at_once(service, experiment):
    late = Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
    service.script("CreateObservation", late, observed)

    interrupt_while_an_outcome_waits(service, experiment)

    first, again = service.requests("CreateObservation")
    assert first == again
    released = [each.suggestion_id for each in service.requests("ReleaseSuggestion")]
    assert sorted([first.suggestion_id, *released]) == ["sug_1", "sug_2"]
    # The time of an end, not that of every other call.
    assert service.seconds_left["CreateObservation"] == pytest.approx(ENDING_SECONDS, abs=15)


@pytest.mark.usefixtures("patient")
def test_an_interrupt_says_which_outcome_is_lost(service, experiment, caplog):
    service.script("CreateObservation", Failure(grpc.StatusCode.DEADLINE_EXCEEDED))

    interrupt_while_an_outcome_waits(service, experiment)

    lost = service.requests("CreateObservation")[0].suggestion_id
    assert f"outcome of {lost} not reported" in caplog.text
    # It may have arrived.
    assert lost not in [each.suggestion_id for each in service.requests("ReleaseSuggestion")]


def test_a_refused_outcome_gives_its_suggestion_back(service, experiment):
    service.script("StreamSuggestions", suggestions(1, then=SILENCE))
    service.script("CreateObservation", Failure(grpc.StatusCode.FAILED_PRECONDITION))

    with pytest.raises(nextpoint.StateError):
        experiment.optimize(lambda _: 1)

    assert [each.suggestion_id for each in service.requests("ReleaseSuggestion")] == ["sug_1"]


def test_giving_back_takes_no_longer_for_many_than_for_one(service, experiment, monkeypatch):
    monkeypatch.setattr("nextpoint._sync._stream.ENDING_SECONDS", 0.5)
    away = Failure(grpc.StatusCode.UNAVAILABLE)
    service.script("StreamSuggestions", suggestions(9, then=away), [opened(), SILENCE])
    over = threading.Event()
    service.script("ReleaseSuggestion", lambda _: over.wait(PATIENCE_SECONDS))

    stream = experiment.suggestions(max_outstanding=9)
    next(stream)
    # All are received once the stream is opened anew.
    service.wait_for("StreamSuggestions", count=2)
    stream.close()

    over.set()
    # The first one took the time of all.
    assert len(service.requests("ReleaseSuggestion")) < 9


def test_an_outcome_outlives_a_service_that_is_away(service, experiment, monkeypatch):
    monkeypatch.setattr("nextpoint._backoff.FIRST_DELAY_SECONDS", 0.01)
    service.script("StreamSuggestions", suggestions(1))
    # A deadline is not tried again by gRPC.
    late = Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
    service.script("CreateObservation", late, late, observed)

    experiment.optimize(lambda _: 1)

    ids = {each.request_id for each in service.requests("CreateObservation")}
    assert len(service.requests("CreateObservation")) == 3
    assert len(ids) == 1


def test_a_suggestion_that_comes_back_while_it_is_evaluated_is_not_evaluated_twice(
    service, experiment
):
    again = [opened(), assigned("sug_1"), assigned("sug_1", attempt=2), assigned("sug_2"), closed()]
    service.script("StreamSuggestions", again)
    together = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def evaluate(_):
        together.wait()
        return 1

    experiment.optimize(evaluate, workers=2)

    reported = sorted(each.suggestion_id for each in service.requests("CreateObservation"))
    assert reported == ["sug_1", "sug_2"]


def test_a_bar_shows_how_far_it_is(service, client, capsys):
    service.script("GetExperiment", a_get_experiment(budget=2, observation_count=2))
    service.script("StreamSuggestions", suggestions(2))

    client.get_experiment("exp_1").optimize(lambda _: 1, progress=True)

    assert "2/2" in capsys.readouterr().err


def test_without_a_terminal_there_is_no_bar(service, experiment, capsys):
    service.script("StreamSuggestions", suggestions(1))

    experiment.optimize(lambda _: 1)

    assert capsys.readouterr().err == ""
