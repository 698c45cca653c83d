"""A service that records what it is asked and answers what the test says, over real gRPC."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent import futures
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from tests.support.endings import time_to_end  # noqa: F401  a fixture

import nextpoint
from nextpoint.v1 import (
    analysis_service_pb2,
    experiment_pb2,
    experiment_service_pb2,
    observation_pb2,
    observation_service_pb2,
    run_pb2,
    run_service_pb2,
    search_space_pb2,
    suggestion_pb2,
    suggestion_service_pb2,
)

CONTRACT = [
    analysis_service_pb2,
    experiment_service_pb2,
    observation_service_pb2,
    run_service_pb2,
    suggestion_service_pb2,
]
PATIENCE_SECONDS = 10


@dataclass
class Failure:
    """A call that fails, as the service lets it fail."""

    code: grpc.StatusCode
    reason: str = ""
    message: str = "that did not work"
    metadata: dict = field(default_factory=dict)
    violations: tuple = ()
    retry_after: float | None = None
    incident: str = ""

    def status(self):
        details = []
        if self.reason:
            info = error_details_pb2.ErrorInfo(
                reason=self.reason, domain="nextpoint", metadata=self.metadata
            )
            details.append(info)
        if self.violations:
            kind = error_details_pb2.BadRequest.FieldViolation
            violations = [kind(field=path, description=text) for path, text in self.violations]
            details.append(error_details_pb2.BadRequest(field_violations=violations))
        if self.retry_after is not None:
            delay = Duration()
            delay.FromMilliseconds(int(self.retry_after * 1000))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        if self.incident:
            details.append(error_details_pb2.RequestInfo(request_id=self.incident))
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in details:
            status.details.add().Pack(detail)
        return status


class FakeService:
    """Answers from a script: each method's answers in turn, the last one again and again."""

    def __init__(self):
        self.calls = []
        self.seconds_left = {}
        self.stream_ended = threading.Event()
        self._scripts = defaultdict(list)
        self._changed = threading.Condition()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)]
        )
        for module in CONTRACT:
            for service in module.DESCRIPTOR.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
                self._server.add_generic_rpc_handlers((generic,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def script(self, method, *answers):
        """Answer with messages, failures, or what functions of the request return."""
        self._scripts[method] = list(answers)

    def requests(self, method):
        with self._changed:
            return [request for name, request in self.calls if name == method]

    def wait_for(self, method, count=1):
        """Return the requests once there are as many."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: sum(name == method for name, _ in self.calls) >= count, PATIENCE_SECONDS
            ), f"no {count} calls of {method}"
        return self.requests(method)

    def stop(self):
        self.stream_ended.set()
        self._server.stop(grace=None).wait()

    def _handler(self, method):
        kind = (
            grpc.unary_stream_rpc_method_handler
            if method.server_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        behavior = self._streamed if method.server_streaming else self._answered
        return kind(
            lambda request, context: behavior(method.name, request, context),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )

    def _answered(self, name, request, context):
        self.seconds_left[name] = context.time_remaining()
        answer = self._next(name, request)
        if isinstance(answer, Failure):
            self._abort(context, answer)
        return answer

    def _streamed(self, name, request, context) -> Iterator:
        self.seconds_left[name] = context.time_remaining()
        ended = threading.Event()
        context.add_callback(ended.set)
        context.add_callback(self.stream_ended.set)
        for event in self._next(name, request):
            if event is SILENCE:
                if not ended.wait(PATIENCE_SECONDS):
                    self._abort(context, UNNOTICED)
            elif isinstance(event, Failure):
                self._abort(context, event)
            else:
                yield event

    def _next(self, name, request):
        with self._changed:
            self.calls.append((name, request))
            script = self._scripts[name]
            answer = script.pop(0) if len(script) > 1 else script[0] if script else None
            self._changed.notify_all()
        if answer is None:
            return Failure(grpc.StatusCode.UNIMPLEMENTED, message=f"no script for {name}")
        return answer(request) if callable(answer) else answer

    def _abort(self, context, failure):
        status = failure.status()
        if status.details:
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),)
            )
        context.abort(failure.code, failure.message)


SILENCE = object()
# No client comes back after this, as it would after a stream that ends by itself.
UNNOTICED = Failure(grpc.StatusCode.INTERNAL, message="nobody ended the silent stream")


@pytest.fixture
def service() -> Iterable[FakeService]:
    fake = FakeService()
    fake.script("GetExperiment", a_get_experiment())
    fake.script("GetSuggestion", found)
    fake.script("RenewLeases", everything_renewed)
    fake.script("ReleaseSuggestion", suggestion_service_pb2.ReleaseSuggestionResponse())
    fake.script("CreateObservation", observed)
    yield fake
    fake.stop()


@pytest.fixture
def client(service) -> Iterable[nextpoint.Client]:
    with nextpoint.Client(service.address, timeout=PATIENCE_SECONDS) as made:
        yield made


@pytest.fixture
def experiment(client) -> nextpoint.Experiment:
    return client.get_experiment("exp_1")


def an_experiment(*, metrics=("loss",), budget=None, **progress):
    remaining = progress.pop("remaining_budget", None)
    message = experiment_pb2.Experiment(
        experiment_id="exp_1",
        name="forest",
        type=experiment_pb2.EXPERIMENT_TYPE_OPTIMIZED,
        parameters=[
            search_space_pb2.Parameter(
                name="lr",
                type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
                bounds=search_space_pb2.Bounds(min=0, max=1),
            ),
            search_space_pb2.Parameter(
                name="depth",
                type=search_space_pb2.PARAMETER_TYPE_INT,
                bounds=search_space_pb2.Bounds(min=1, max=9),
            ),
        ],
        metrics=[
            experiment_pb2.Metric(
                name=name,
                objective=experiment_pb2.METRIC_OBJECTIVE_MINIMIZE,
                strategy=experiment_pb2.METRIC_STRATEGY_OPTIMIZE,
            )
            for name in metrics
        ],
        state=experiment_pb2.EXPERIMENT_STATE_ACTIVE,
        progress=experiment_pb2.Progress(remaining_budget=remaining, **progress),
    )
    if budget is not None:
        message.budget = budget
    return message


def a_get_experiment(**fields):
    return experiment_service_pb2.GetExperimentResponse(experiment=an_experiment(**fields))


def some_assignments(lr=0.5, depth=3):
    return {
        "lr": search_space_pb2.ParameterValue(double_value=lr),
        "depth": search_space_pb2.ParameterValue(int_value=depth),
    }


def a_suggestion(suggestion_id="sug_1", attempt=1, lr=0.5):
    return suggestion_pb2.Suggestion(
        suggestion_id=suggestion_id,
        experiment_id="exp_1",
        assignments=some_assignments(lr=lr),
        state=suggestion_pb2.SUGGESTION_STATE_LEASED,
        attempt=attempt,
        lease=suggestion_pb2.Lease(worker_id="w1", expire_time=Timestamp(seconds=1_900_000_000)),
        provenance=suggestion_pb2.Provenance(
            generator=suggestion_pb2.GENERATOR_SPACE_FILLING, method="scrambled Sobol", seed=0
        ),
    )


def a_created_suggestion(*args, **fields):
    return suggestion_service_pb2.CreateSuggestionResponse(suggestion=a_suggestion(*args, **fields))


def found(request):
    """Answer GetSuggestion."""
    return suggestion_service_pb2.GetSuggestionResponse(
        suggestion=a_suggestion(request.suggestion_id)
    )


def a_run(run_id="run_1", state=run_pb2.RUN_STATE_ACTIVE, values=()):
    return run_pb2.Run(
        run_id=run_id,
        experiment_id="exp_1",
        suggestion_id=f"sug_of_{run_id}",
        attempt=2,
        name="forest",
        assignments=some_assignments(),
        state=state,
        values=values,
    )


def observed(request):
    """Answer CreateObservation."""
    observation = observation_pb2.Observation(
        observation_id="obs_1",
        experiment_id=request.experiment_id,
        suggestion_id=request.suggestion_id,
        assignments=request.assignments,
        values=request.values,
        failed=request.failed,
    )
    return observation_service_pb2.CreateObservationResponse(observation=observation)


def everything_renewed(request):
    """Answer RenewLeases."""
    return suggestion_service_pb2.RenewLeasesResponse(renewed=request.hand_outs)


def opened(heartbeat_seconds=PATIENCE_SECONDS):
    interval = Duration()
    interval.FromMilliseconds(int(heartbeat_seconds * 1000))
    event = suggestion_service_pb2.StreamOpened(heartbeat_interval=interval)
    return suggestion_service_pb2.StreamSuggestionsResponse(opened=event)


def assigned(*args, **fields):
    event = suggestion_service_pb2.SuggestionAssigned(suggestion=a_suggestion(*args, **fields))
    return suggestion_service_pb2.StreamSuggestionsResponse(assigned=event)


def heartbeat():
    return suggestion_service_pb2.StreamSuggestionsResponse(
        heartbeat=suggestion_service_pb2.StreamHeartbeat()
    )


def closed():
    event = suggestion_service_pb2.StreamClosed(
        reason=suggestion_service_pb2.STREAM_CLOSED_REASON_BUDGET_REACHED
    )
    return suggestion_service_pb2.StreamSuggestionsResponse(closed=event)
