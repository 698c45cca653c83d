import contextlib

import grpc
import pytest
from tests.unit.client.conftest import Failure, a_run

import nextpoint
from nextpoint.v1 import observation_pb2, run_pb2, run_service_pb2


@pytest.fixture
def runs(service):
    """A service that opens runs and ends them."""
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=a_run()))
    service.script("LogMetrics", logged)
    completed = a_run(state=run_pb2.RUN_STATE_COMPLETED)
    service.script("CompleteRun", run_service_pb2.CompleteRunResponse(run=completed))
    failed = a_run(state=run_pb2.RUN_STATE_FAILED)
    service.script("FailRun", run_service_pb2.FailRunResponse(run=failed))
    return service


def logged(request):
    return run_service_pb2.LogMetricsResponse(run=a_run(values=request.values))


def ended(service):
    """Return how runs ended, in order."""
    ways = ("CompleteRun", "FailRun", "ReleaseSuggestion")
    return [name for name, _ in service.calls if name in ways]


def test_a_block_that_ends_completes_its_run(runs, experiment):
    with experiment.create_run() as run:
        run.log_metric("loss", 0.5)

    assert ended(runs) == ["CompleteRun"]
    assert run.state == "completed"


def test_an_exception_fails_the_run_and_goes_on(runs, experiment):
    with pytest.raises(ZeroDivisionError), experiment.create_run() as run:
        run.log_metric("loss", 1 / 0)

    assert ended(runs) == ["FailRun"]
    assert run.state == "failed"


def test_an_interrupt_gives_the_suggestion_back_and_goes_on(runs, experiment):
    with pytest.raises(KeyboardInterrupt), experiment.create_run():
        raise KeyboardInterrupt

    assert ended(runs) == ["ReleaseSuggestion"]
    request = runs.requests("ReleaseSuggestion")[0]
    assert (request.suggestion_id, request.attempt) == ("sug_of_run_1", 2)


def test_a_missing_metric_fails_the_run_and_is_named(runs, experiment):
    missing = Failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        reason="METRICS_MISSING",
        message="run 'run_1' has no value for 'loss'",
        metadata={"missing": "'loss'"},
    )
    runs.script("CompleteRun", missing)

    with pytest.raises(nextpoint.MetricsMissingError, match="loss"), experiment.create_run():
        pass

    assert ended(runs) == ["CompleteRun", "FailRun"]


@pytest.mark.parametrize(("verb", "call"), [("complete", "CompleteRun"), ("fail", "FailRun")])
def test_a_run_that_was_ended_inside_the_block_is_left_alone(runs, experiment, verb, call):
    with experiment.create_run() as run:
        getattr(run, verb)()

    assert ended(runs) == [call]


def test_a_run_that_another_process_ended_is_left_alone(runs, experiment):
    runs.script("CompleteRun", Failure(grpc.StatusCode.FAILED_PRECONDITION, reason="RUN_ENDED"))

    with experiment.create_run():
        pass

    assert ended(runs) == ["CompleteRun"]


def test_the_exception_of_the_block_is_what_the_user_sees(runs, experiment):
    runs.script("FailRun", Failure(grpc.StatusCode.INTERNAL, reason="INTERNAL"))

    with pytest.raises(ValueError, match="mine"), experiment.create_run():
        raise ValueError("mine")


def test_parameters_are_attributes_and_items(runs, experiment):
    run = experiment.create_run()

    assert run.params.lr == run.params["lr"] == 0.5
    assert dict(**run.params) == {"depth": 3, "lr": 0.5}


def test_metrics_are_logged_by_mapping_and_by_keyword(runs, experiment):
    run = experiment.create_run()

    run.log_metrics({"loss": (0.5, 0.1)}, size=3)
    run.log_metric("loss", 0.25, stddev=0.0)

    first, second = runs.requests("LogMetrics")
    assert list(first.values) == [
        observation_pb2.MetricValue(name="loss", value=0.5, value_stddev=0.1),
        observation_pb2.MetricValue(name="size", value=3),
    ]
    assert second.values[0].HasField("value_stddev")
    assert run.values == {"loss": 0.25}
    assert run.stddevs == {"loss": 0.0}


def test_a_metric_that_is_no_number_is_refused_with_its_name(runs, experiment):
    run = experiment.create_run()

    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        run.log_metric("loss", "low")

    assert refused.value.violations[0].field == "values['loss']"
    assert runs.requests("LogMetrics") == []


@pytest.mark.parametrize("reason", ["BUDGET_SPENT", "GRID_EXHAUSTED"])
def test_a_loop_ends_when_no_suggestion_is_left(runs, experiment, reason):
    answer = run_service_pb2.CreateRunResponse(run=a_run())
    spent = Failure(grpc.StatusCode.FAILED_PRECONDITION, reason=reason)
    runs.script("CreateRun", answer, answer, spent)

    seen = []
    for run in experiment.loop(max_wait=2):
        with run:
            seen.append(run.id)

    assert seen == ["run_1", "run_1"]
    assert [each.max_wait.seconds for each in runs.requests("CreateRun")] == [2, 2, 2]


def leave_at_once(run):
    pass


def leave_in_an_error(run):
    raise ValueError("before the block")


@pytest.mark.parametrize("leave", [leave_at_once, leave_in_an_error])
def test_leaving_a_loop_gives_a_run_that_nobody_began_back(runs, experiment, leave):
    with contextlib.suppress(ValueError):
        for run in experiment.loop():
            leave(run)
            break

    request = runs.wait_for("ReleaseSuggestion")[0]
    assert (request.suggestion_id, request.attempt) == ("sug_of_run_1", 2)


def enter(run):
    run.__enter__()


def log(run):
    run.log_metric("loss", 0.5)


def fail(run):
    run.fail()


@pytest.mark.parametrize("begin", [enter, log, fail])
def test_leaving_a_loop_leaves_a_run_alone_that_has_begun(runs, experiment, begin):
    for run in experiment.loop():
        begin(run)
        break

    assert runs.requests("ReleaseSuggestion") == []


def test_a_loop_lets_other_errors_through(runs, experiment):
    archived = Failure(grpc.StatusCode.FAILED_PRECONDITION, reason="EXPERIMENT_ARCHIVED")
    runs.script("CreateRun", archived)

    with pytest.raises(nextpoint.ExperimentArchivedError):
        next(experiment.loop())


def test_runs_are_listed_by_state(runs, experiment):
    answer = run_service_pb2.ListRunsResponse(runs=[a_run("run_2"), a_run("run_1")])
    runs.script("ListRuns", answer)

    found = [run.id for run in experiment.get_runs(state="lapsed")]

    assert found == ["run_2", "run_1"]
    assert runs.requests("ListRuns")[0].state == run_pb2.RUN_STATE_LAPSED


def test_what_is_shown_helps(runs, experiment):
    shown = repr(experiment.create_run())

    assert shown == "Run(id='run_1', state='active', params={'depth': 3, 'lr': 0.5})"
