"""A client of the bare contract for tests: what went over the wire, and nothing more."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextpoint.v1 import (
    analysis_service_pb2_grpc,
    experiment_pb2,
    experiment_service_pb2,
    experiment_service_pb2_grpc,
    observation_pb2,
    observation_service_pb2,
    observation_service_pb2_grpc,
    run_service_pb2_grpc,
    search_space_pb2,
    suggestion_pb2,
    suggestion_service_pb2,
    suggestion_service_pb2_grpc,
)

SECONDS = 10.0


@dataclass(frozen=True)
class Refusal:
    """What a caller learns from an error."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: Mapping[str, str]
    violations: tuple[tuple[str, str], ...]
    retry_seconds: float | None
    incident: str

    @property
    def fields(self) -> list[str]:
        """The paths of the violations."""
        return [field for field, _ in self.violations]


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    """Read the details of an error."""
    packed = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    request = error_details_pb2.RequestInfo()
    for detail in status.details:
        assert any(detail.Unpack(each) for each in (info, bad, retry, request))
    return Refusal(
        error.code(),
        status.message,
        info.reason,
        info.domain,
        dict(info.metadata),
        tuple((each.field, each.description) for each in bad.field_violations),
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        request.request_id,
    )


async def refusal(call: Awaitable[object]) -> Refusal:
    """Return how the call was refused."""
    try:
        await asyncio.wait_for(call, SECONDS)
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    raise AssertionError("the call was not refused")


class Stream:
    """The stream of one worker."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def next(self) -> tuple[str, Any]:
        """Return the kind of the next event, and the event."""
        event = await asyncio.wait_for(self._call.read(), SECONDS)
        if event is grpc.aio.EOF:
            return "end", await self._call.code()
        kind = event.WhichOneof("event")
        return kind, getattr(event, kind)

    async def expect(self, kind: str) -> Any:
        """Return the next event that is not a heartbeat, which has to be of this kind."""
        found, event = await self.next()
        while found == "heartbeat" != kind:
            found, event = await self.next()
        assert found == kind, (found, event)
        return event

    async def assigned(self) -> suggestion_pb2.Suggestion:
        """Return the suggestion that comes next."""
        return (await self.expect("assigned")).suggestion

    async def refusal(self) -> Refusal:
        """Return the error that ends the stream."""

        async def rest() -> None:
            while await self._call.read() is not grpc.aio.EOF:
                pass

        return await refusal(rest())

    def cancel(self) -> None:
        """Break the stream off."""
        self._call.cancel()


class Api:
    """The stubs of a service, and short ways to call them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.experiments = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
        self.suggestions = suggestion_service_pb2_grpc.SuggestionServiceStub(channel)
        self.observations = observation_service_pb2_grpc.ObservationServiceStub(channel)
        self.runs = run_service_pb2_grpc.RunServiceStub(channel)
        self.analysis = analysis_service_pb2_grpc.AnalysisServiceStub(channel)
        self._numbers = count(1)

    async def define(self, **changes: object) -> experiment_pb2.Experiment:
        """Create an experiment with one parameter `x` from 0 to 1 and one metric `m`."""
        response = await self.experiments.CreateExperiment(a_definition(**changes))
        return response.experiment

    async def define_grid(self, size: int) -> experiment_pb2.Experiment:
        return await self.define(
            type=experiment_pb2.EXPERIMENT_TYPE_GRID,
            parameters=[
                search_space_pb2.Parameter(
                    name="x", type=search_space_pb2.PARAMETER_TYPE_DOUBLE, grid=range(size)
                )
            ],
        )

    async def ask(self, experiment_id: str, **wishes: object) -> suggestion_pb2.Suggestion:
        request = suggestion_service_pb2.CreateSuggestionRequest(
            experiment_id=experiment_id, **wishes
        )
        return (await self.suggestions.CreateSuggestion(request)).suggestion

    async def queue(self, experiment_id: str, x: float) -> suggestion_pb2.Suggestion:
        request = suggestion_service_pb2.QueueSuggestionRequest(
            experiment_id=experiment_id, assignments=at(x)
        )
        return (await self.suggestions.QueueSuggestion(request)).suggestion

    async def release(self, suggestion: suggestion_pb2.Suggestion) -> None:
        await self.suggestions.ReleaseSuggestion(
            suggestion_service_pb2.ReleaseSuggestionRequest(
                suggestion_id=suggestion.suggestion_id, attempt=suggestion.attempt
            )
        )

    async def report(
        self, suggestion: suggestion_pb2.Suggestion, value: float = 1.0
    ) -> observation_pb2.Observation:
        return await self._report(
            experiment_id=suggestion.experiment_id,
            suggestion_id=suggestion.suggestion_id,
            values=[metric(value)],
        )

    async def report_own(
        self, experiment_id: str, x: float, value: float = 1.0
    ) -> observation_pb2.Observation:
        return await self._report(
            experiment_id=experiment_id, assignments=at(x), values=[metric(value)]
        )

    async def _report(self, **fields: object) -> observation_pb2.Observation:
        request = observation_service_pb2.CreateObservationRequest(**fields)
        return (await self.observations.CreateObservation(request)).observation

    async def archive(self, experiment_id: str) -> None:
        await self.experiments.ArchiveExperiment(
            experiment_service_pb2.ArchiveExperimentRequest(experiment_id=experiment_id)
        )

    async def get(self, experiment_id: str) -> experiment_pb2.Experiment:
        request = experiment_service_pb2.GetExperimentRequest(experiment_id=experiment_id)
        return (await self.experiments.GetExperiment(request)).experiment

    async def change(self, experiment_id: str, **fields: object) -> experiment_pb2.Experiment:
        request = experiment_service_pb2.UpdateExperimentRequest(
            experiment_id=experiment_id, **fields
        )
        return (await self.experiments.UpdateExperiment(request)).experiment

    def stream(self, experiment_id: str, worker_id: str = "w1", **wishes: object) -> Stream:
        """Open a stream, without waiting for its first event."""
        request = suggestion_service_pb2.StreamSuggestionsRequest(
            experiment_id=experiment_id, worker_id=worker_id, **wishes
        )
        return Stream(self.suggestions.StreamSuggestions(request))

    async def opened(self, experiment_id: str, worker_id: str = "w1", **wishes: object) -> Stream:
        """Open a stream that works."""
        stream = self.stream(experiment_id, worker_id, **wishes)
        await stream.expect("opened")
        return stream


def a_definition(**changes: object) -> experiment_service_pb2.CreateExperimentRequest:
    """Return a valid experiment, with these changes."""
    fields: dict[str, Any] = {
        "name": "bread",
        "parameters": [
            search_space_pb2.Parameter(
                name="x",
                type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
                bounds=search_space_pb2.Bounds(min=0, max=1),
            )
        ],
        "metrics": [experiment_pb2.Metric(name="m")],
    }
    return experiment_service_pb2.CreateExperimentRequest(**(fields | changes))


def at(x: float) -> dict[str, search_space_pb2.ParameterValue]:
    """Return the assignments of the one parameter."""
    return {"x": search_space_pb2.ParameterValue(double_value=x)}


def metric(value: float, name: str = "m") -> observation_pb2.MetricValue:
    """Return the value of the one metric."""
    return observation_pb2.MetricValue(name=name, value=value)


def changed(message: Message, **fields: object) -> Any:
    """Return a copy of a message with these fields set."""
    copy = type(message)(**fields)
    merged = type(message)()
    merged.CopyFrom(message)
    for name in fields:
        merged.ClearField(name)
    merged.MergeFrom(copy)
    return merged
