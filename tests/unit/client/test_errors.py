import copy
import math
import pickle
import threading

import grpc
import pytest
from tests.unit.client.conftest import PATIENCE_SECONDS, Failure, an_experiment, observed

import nextpoint
from nextpoint import errors
from nextpoint._errors import BY_CODE
from nextpoint.v1 import experiment_service_pb2

RETRIED = {grpc.StatusCode.UNAVAILABLE}


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code not in RETRIED])
def test_every_code_becomes_an_exception_of_ours(service, client, code):
    if code is grpc.StatusCode.OK:
        assert issubclass(BY_CODE[code], nextpoint.NextpointError)
        return
    service.script("GetExperiment", Failure(code, reason="SOMETHING", metadata={"a": "b"}))

    with pytest.raises(nextpoint.NextpointError, match="that did not work") as raised:
        client.get_experiment("exp_1")

    assert type(raised.value) is BY_CODE[code]
    assert raised.value.reason == "SOMETHING"
    assert raised.value.metadata == {"a": "b"}
    assert isinstance(raised.value.__cause__, grpc.RpcError)
    # Nobody has to read the way through gRPC.
    assert raised.value.__cause__.__traceback__ is None


def test_no_code_is_forgotten():
    assert set(BY_CODE) == set(grpc.StatusCode)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "BUDGET_SPENT", nextpoint.BudgetSpentError),
        (grpc.StatusCode.FAILED_PRECONDITION, "GRID_EXHAUSTED", nextpoint.BudgetSpentError),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            "EXPERIMENT_ARCHIVED",
            nextpoint.ExperimentArchivedError,
        ),
        (grpc.StatusCode.FAILED_PRECONDITION, "LEASE_LOST", nextpoint.LeaseLostError),
        (grpc.StatusCode.FAILED_PRECONDITION, "METRICS_MISSING", nextpoint.MetricsMissingError),
        (grpc.StatusCode.FAILED_PRECONDITION, "RUN_ENDED", nextpoint.RunEndedError),
        (grpc.StatusCode.FAILED_PRECONDITION, "NEW_ONE", nextpoint.StateError),
        (grpc.StatusCode.ABORTED, "WORKER_REPLACED", nextpoint.WorkerReplacedError),
        (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED", nextpoint.InvalidArgumentError),
        (grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND", nextpoint.NotFoundError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", nextpoint.OverloadedError),
    ],
)
def test_a_reason_has_its_exception(service, client, code, reason, kind):
    service.script("GetExperiment", Failure(code, reason=reason))

    with pytest.raises(nextpoint.NextpointError) as raised:
        client.get_experiment("exp_1")

    assert type(raised.value) is kind


def test_every_violation_is_listed_once(service, client):
    service.script(
        "GetExperiment",
        Failure(
            grpc.StatusCode.INVALID_ARGUMENT,
            reason="INVALID_REQUEST",
            message="the request breaks 2 rule(s): name: is missing; budget: is below 1",
            violations=(("name", "is missing"), ("budget", "is below 1")),
        ),
    )

    with pytest.raises(nextpoint.InvalidArgumentError) as raised:
        client.get_experiment("exp_1")

    assert raised.value.violations == (
        nextpoint.FieldViolation("name", "is missing"),
        nextpoint.FieldViolation("budget", "is below 1"),
    )
    assert str(raised.value).count("is missing") == 1


def test_the_delay_that_the_service_asks_for_is_known(service, client):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    service.script("GetExperiment", Failure(code, reason="OVERLOADED", retry_after=1.5))

    with pytest.raises(nextpoint.OverloadedError) as raised:
        client.get_experiment("exp_1")

    assert raised.value.retry_after == 1.5


def test_an_incident_is_named(service, client):
    code = grpc.StatusCode.INTERNAL
    service.script("GetExperiment", Failure(code, reason="INTERNAL", incident="a1b2"))

    with pytest.raises(nextpoint.ServiceError, match="a1b2"):
        client.get_experiment("exp_1")


def test_details_that_cannot_be_read_hide_nothing(service, client, monkeypatch):
    failure = Failure(grpc.StatusCode.NOT_FOUND, reason="X")
    monkeypatch.setattr(failure, "status", Garbage)
    service.script("GetExperiment", failure)

    with pytest.raises(nextpoint.NotFoundError, match="that did not work"):
        client.get_experiment("exp_1")


class Garbage:
    details = ("something",)

    def SerializeToString(self):  # noqa: N802  as protobuf has it
        return b"\xff\xff\xff"


def test_a_call_that_was_not_made_is_made_again_with_the_same_request_id(service, client):
    away = Failure(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN")
    answer = experiment_service_pb2.CreateExperimentResponse(experiment=an_experiment())
    service.script("CreateExperiment", away, answer)

    client.create_experiment(name="forest", parameters=[], metrics=[])

    first, second = service.requests("CreateExperiment")
    assert first.request_id == second.request_id != ""


@pytest.fixture
def impatient_grpc(monkeypatch):
    """Clients whose gRPC tries nothing again, so that what the client does is seen."""
    monkeypatch.setattr("nextpoint._channel.retry_config", lambda: "{}")
    monkeypatch.setattr("nextpoint._backoff.FIRST_DELAY_SECONDS", 0.01)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_a_service_that_answered_before_is_waited_for(impatient_grpc, service, experiment, code):
    away = Failure(code)
    service.script("CreateObservation", away, away, observed)

    experiment.create_observation(suggestion="sug_1", failed=True)

    ids = [each.request_id for each in service.requests("CreateObservation")]
    assert len(ids) == 3
    assert len(set(ids)) == 1


def test_a_service_that_stays_away_is_waited_for_no_longer_than_the_timeout(
    impatient_grpc, service, monkeypatch
):
    now = [0.0]

    def stay_away(_):
        now[0] += 40
        return Failure(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN")

    service.script("ArchiveExperiment", stay_away)

    with nextpoint.Client(service.address, timeout=60) as client:
        experiment = client.get_experiment("exp_1")
        monkeypatch.setattr("nextpoint._backoff.time.monotonic", lambda: now[0])
        with pytest.raises(nextpoint.UnavailableError):
            experiment.archive()

    # A call that has no time left may arrive all the same.
    assert len(service.requests("ArchiveExperiment")) in {2, 3}


def test_every_change_has_a_request_id_of_its_own(service, experiment):
    experiment.create_observation(suggestion="sug_1", failed=True)
    experiment.create_observation(suggestion="sug_1", failed=True)

    first, second = service.requests("CreateObservation")
    assert first.request_id != second.request_id


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED])
def test_nothing_but_unavailable_is_tried_again(service, client, code):
    service.script("GetExperiment", Failure(code))

    with pytest.raises(nextpoint.NextpointError):
        client.get_experiment("exp_1")

    assert len(service.requests("GetExperiment")) == 1


def test_a_service_that_is_not_there_is_named(impatient_grpc):
    # Nobody listens on port 1.
    with (
        nextpoint.Client("127.0.0.1:1") as client,
        pytest.raises(nextpoint.UnavailableError) as raised,
    ):
        client.get_experiment("exp_1")

    assert "127.0.0.1:1" in str(raised.value)
    assert "nextpoint serve" in str(raised.value)
    assert "scripts/serve" in str(raised.value)


def test_an_answer_that_does_not_come_in_time_is_not_waited_for(service):
    over = threading.Event()
    service.script("GetExperiment", lambda _: over.wait(PATIENCE_SECONDS))

    with (
        nextpoint.Client(service.address, timeout=0.05) as client,
        pytest.raises(nextpoint.DeadlineExceededError, match="timeout=") as raised,
    ):
        client.get_experiment("exp_1")

    over.set()
    assert isinstance(raised.value, TimeoutError)


@pytest.mark.parametrize("address", ["localhost", ":50051", "localhost:http", "", 5, "\ud800:5"])
def test_an_address_without_host_or_port_is_refused(address):
    with pytest.raises(nextpoint.InvalidArgumentError, match="HOST:PORT"):
        nextpoint.Client(address)


def test_an_address_that_is_a_url_is_told_what_it_has_too_much():
    with pytest.raises(nextpoint.InvalidArgumentError, match="without http://"):
        nextpoint.Client("http://127.0.0.1:50051")


def test_an_address_has_a_port_that_exists():
    with pytest.raises(nextpoint.InvalidArgumentError, match="65535"):
        nextpoint.Client("127.0.0.1:65536")


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf, "5"])
def test_a_timeout_that_is_no_span_is_refused(timeout):
    with pytest.raises(nextpoint.InvalidArgumentError, match="timeout: must be a number of sec"):
        nextpoint.Client("127.0.0.1:50051", timeout=timeout)


def test_a_closed_client_says_so(client, experiment):
    client.close()

    with pytest.raises(nextpoint.StateError, match="closed"):
        experiment.refresh()


def leaves(kind):
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


@pytest.mark.parametrize("kind", leaves(errors.NextpointError))
def test_an_exception_survives_a_process_border(kind):
    error = kind("it broke", reason="R", metadata={"a": "b"})

    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  our own
        assert type(other) is kind
        assert str(other) == "it broke"
        assert (other.reason, other.metadata) == ("R", {"a": "b"})


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (nextpoint.InvalidArgumentError, ValueError),
        (nextpoint.NotFoundError, LookupError),
        (nextpoint.DeadlineExceededError, TimeoutError),
    ],
)
def test_an_exception_is_what_python_calls_it(kind, builtin):
    assert issubclass(kind, builtin)


def test_the_drawn_tree_has_every_exception():
    for kind in [errors.NextpointError, *leaves(errors.NextpointError), errors.StateError]:
        assert kind.__name__ in errors.__doc__
        assert kind.__name__ in nextpoint.__all__
