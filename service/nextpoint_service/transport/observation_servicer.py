"""Opens the use cases of observations to gRPC."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc

from nextpoint.v1 import observation_service_pb2 as pb
from nextpoint.v1 import observation_service_pb2_grpc
from nextpoint_service.application.observations import ObservationUseCases
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.report import ObservationDraft
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.calls import Paging, call_from_proto
from nextpoint_service.transport.convert.observations import (
    change_from_proto,
    draft_from_proto,
    observation_to_proto,
)

_Context = grpc.aio.ServicerContext[Any, Any]


class ObservationServicer(observation_service_pb2_grpc.ObservationServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, observations: ObservationUseCases, limits: Limits) -> None:
        self._observations = observations
        self._limits = limits

    async def CreateObservation(
        self, request: pb.CreateObservationRequest, context: _Context
    ) -> pb.CreateObservationResponse:
        call = call_from_proto(request, request.request_id)
        observation = await self._observations.create(
            request.experiment_id, draft_from_proto(request), call
        )
        return pb.CreateObservationResponse(observation=observation_to_proto(observation))

    async def BatchCreateObservations(
        self, request: pb.BatchCreateObservationsRequest, context: _Context
    ) -> pb.BatchCreateObservationsResponse:
        call = call_from_proto(request, request.request_id)
        # Thousands of observations take longer to convert than the others' heartbeats can wait.
        drafts = await asyncio.to_thread(_drafts, request)
        if request.validate_only:
            await self._observations.check_batch(request.experiment_id, drafts)
            return pb.BatchCreateObservationsResponse()
        made = await self._observations.create_batch(request.experiment_id, drafts, call)
        return await asyncio.to_thread(_batch_response, made)

    async def GetObservation(
        self, request: pb.GetObservationRequest, context: _Context
    ) -> pb.GetObservationResponse:
        observation = await self._observations.get(request.observation_id)
        return pb.GetObservationResponse(observation=observation_to_proto(observation))

    async def ListObservations(
        self, request: pb.ListObservationsRequest, context: _Context
    ) -> pb.ListObservationsResponse:
        violations = Violations()
        paging = Paging(request, request.page_size, request.page_token, self._limits, violations)
        violations.check()
        found = await self._observations.list(request.experiment_id, paging.page)
        observations, token = paging.cut(found, observation_to_proto)
        return pb.ListObservationsResponse(observations=observations, next_page_token=token)

    async def UpdateObservation(
        self, request: pb.UpdateObservationRequest, context: _Context
    ) -> pb.UpdateObservationResponse:
        call = call_from_proto(request, request.request_id)
        observation = await self._observations.update(
            request.observation_id, change_from_proto(request), call
        )
        return pb.UpdateObservationResponse(observation=observation_to_proto(observation))

    async def DeleteObservation(
        self, request: pb.DeleteObservationRequest, context: _Context
    ) -> pb.DeleteObservationResponse:
        call = call_from_proto(request, request.request_id)
        await self._observations.delete(request.observation_id, call)
        return pb.DeleteObservationResponse()


def _drafts(request: pb.BatchCreateObservationsRequest) -> list[ObservationDraft]:
    return [draft_from_proto(each) for each in request.observations]


def _batch_response(made: Sequence[Observation]) -> pb.BatchCreateObservationsResponse:
    return pb.BatchCreateObservationsResponse(
        observations=[observation_to_proto(each) for each in made]
    )
