"""Opens the use cases of experiments to gRPC."""

from typing import Any

import grpc

from nextpoint.v1 import experiment_service_pb2 as pb
from nextpoint.v1 import experiment_service_pb2_grpc
from nextpoint_service.application.experiments import ExperimentUseCases
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.calls import Paging, call_from_proto
from nextpoint_service.transport.convert.experiments import (
    change_from_proto,
    draft_from_proto,
    experiment_to_proto,
    filter_from_proto,
)

_Context = grpc.aio.ServicerContext[Any, Any]


class ExperimentServicer(experiment_service_pb2_grpc.ExperimentServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, experiments: ExperimentUseCases, limits: Limits) -> None:
        self._experiments = experiments
        self._limits = limits

    async def CreateExperiment(
        self, request: pb.CreateExperimentRequest, context: _Context
    ) -> pb.CreateExperimentResponse:
        call = call_from_proto(request, request.request_id)
        detail = await self._experiments.create(draft_from_proto(request), call)
        return pb.CreateExperimentResponse(experiment=experiment_to_proto(detail))

    async def GetExperiment(
        self, request: pb.GetExperimentRequest, context: _Context
    ) -> pb.GetExperimentResponse:
        detail = await self._experiments.get(request.experiment_id)
        return pb.GetExperimentResponse(experiment=experiment_to_proto(detail))

    async def ListExperiments(
        self, request: pb.ListExperimentsRequest, context: _Context
    ) -> pb.ListExperimentsResponse:
        violations = Violations()
        paging = Paging(request, request.page_size, request.page_token, self._limits, violations)
        which = filter_from_proto(request, self._limits, violations)
        violations.check()
        found = await self._experiments.list(which, paging.page)
        experiments, token = paging.cut(found, experiment_to_proto)
        return pb.ListExperimentsResponse(experiments=experiments, next_page_token=token)

    async def UpdateExperiment(
        self, request: pb.UpdateExperimentRequest, context: _Context
    ) -> pb.UpdateExperimentResponse:
        call = call_from_proto(request, request.request_id)
        detail = await self._experiments.update(
            request.experiment_id, change_from_proto(request), call
        )
        return pb.UpdateExperimentResponse(experiment=experiment_to_proto(detail))

    async def ArchiveExperiment(
        self, request: pb.ArchiveExperimentRequest, context: _Context
    ) -> pb.ArchiveExperimentResponse:
        call = call_from_proto(request, request.request_id)
        detail = await self._experiments.archive(request.experiment_id, call)
        return pb.ArchiveExperimentResponse(experiment=experiment_to_proto(detail))

    async def UnarchiveExperiment(
        self, request: pb.UnarchiveExperimentRequest, context: _Context
    ) -> pb.UnarchiveExperimentResponse:
        call = call_from_proto(request, request.request_id)
        detail = await self._experiments.unarchive(request.experiment_id, call)
        return pb.UnarchiveExperimentResponse(experiment=experiment_to_proto(detail))
