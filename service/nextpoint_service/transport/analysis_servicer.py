"""Opens what was learned to gRPC."""

from typing import Any

import grpc

from nextpoint.v1 import analysis_service_pb2 as pb
from nextpoint.v1 import analysis_service_pb2_grpc
from nextpoint_service.application.analysis import AnalysisUseCases
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.calls import Paging
from nextpoint_service.transport.convert.analysis import (
    advice_to_proto,
    best_to_proto,
    importances_to_proto,
    ranking_from_proto,
    stopping_to_proto,
)

_Context = grpc.aio.ServicerContext[Any, Any]


class AnalysisServicer(analysis_service_pb2_grpc.AnalysisServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, analysis: AnalysisUseCases, limits: Limits) -> None:
        self._analysis = analysis
        self._limits = limits

    async def ListBestAssignments(
        self, request: pb.ListBestAssignmentsRequest, context: _Context
    ) -> pb.ListBestAssignmentsResponse:
        violations = Violations()
        paging = Paging(request, request.page_size, request.page_token, self._limits, violations)
        ranking = ranking_from_proto(request.ranking, violations)
        violations.check()
        found = await self._analysis.best(request.experiment_id, ranking, paging.page)
        best, token = paging.cut(found, best_to_proto)
        return pb.ListBestAssignmentsResponse(best_assignments=best, next_page_token=token)

    async def GetStoppingCriteria(
        self, request: pb.GetStoppingCriteriaRequest, context: _Context
    ) -> pb.GetStoppingCriteriaResponse:
        return stopping_to_proto(await self._analysis.stopping_reasons(request.experiment_id))

    async def GetBestPractices(
        self, request: pb.GetBestPracticesRequest, context: _Context
    ) -> pb.GetBestPracticesResponse:
        return advice_to_proto(await self._analysis.against_advice(request.experiment_id))

    async def GetMetricImportances(
        self, request: pb.GetMetricImportancesRequest, context: _Context
    ) -> pb.GetMetricImportancesResponse:
        return importances_to_proto(await self._analysis.importances(request.experiment_id))

    async def GetHypervolume(
        self, request: pb.GetHypervolumeRequest, context: _Context
    ) -> pb.GetHypervolumeResponse:
        found = await self._analysis.hypervolume(request.experiment_id)
        return pb.GetHypervolumeResponse(hypervolume=found.volume, frontier_count=found.points)
