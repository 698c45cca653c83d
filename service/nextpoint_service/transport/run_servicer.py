"""Opens the use cases of runs to gRPC."""

from typing import Any

import grpc

from nextpoint.v1 import run_service_pb2 as pb
from nextpoint.v1 import run_service_pb2_grpc
from nextpoint_service.application.runs import RunUseCases
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.calls import Paging, call_from_proto
from nextpoint_service.transport.convert.runs import (
    new_run_from_proto,
    run_to_proto,
    state_from_proto,
)
from nextpoint_service.transport.convert.values import values_from_proto

_Context = grpc.aio.ServicerContext[Any, Any]


class RunServicer(run_service_pb2_grpc.RunServiceServicer):
    """Converts, calls, converts."""

    def __init__(self, runs: RunUseCases, limits: Limits) -> None:
        self._runs = runs
        self._limits = limits

    async def CreateRun(
        self, request: pb.CreateRunRequest, context: _Context
    ) -> pb.CreateRunResponse:
        call = call_from_proto(request, request.request_id)
        run = await self._runs.create(new_run_from_proto(request), call)
        return pb.CreateRunResponse(run=run_to_proto(run))

    async def GetRun(self, request: pb.GetRunRequest, context: _Context) -> pb.GetRunResponse:
        return pb.GetRunResponse(run=run_to_proto(await self._runs.get(request.run_id)))

    async def ListRuns(self, request: pb.ListRunsRequest, context: _Context) -> pb.ListRunsResponse:
        violations = Violations()
        paging = Paging(request, request.page_size, request.page_token, self._limits, violations)
        state = state_from_proto(request.state, violations)
        violations.check()
        found = await self._runs.list(request.experiment_id, state, paging.page)
        runs, token = paging.cut(found, run_to_proto)
        return pb.ListRunsResponse(runs=runs, next_page_token=token)

    async def LogMetrics(
        self, request: pb.LogMetricsRequest, context: _Context
    ) -> pb.LogMetricsResponse:
        call = call_from_proto(request, request.request_id)
        run = await self._runs.log(request.run_id, values_from_proto(request.values), call)
        return pb.LogMetricsResponse(run=run_to_proto(run))

    async def CompleteRun(
        self, request: pb.CompleteRunRequest, context: _Context
    ) -> pb.CompleteRunResponse:
        call = call_from_proto(request, request.request_id)
        return pb.CompleteRunResponse(
            run=run_to_proto(await self._runs.complete(request.run_id, call))
        )

    async def FailRun(self, request: pb.FailRunRequest, context: _Context) -> pb.FailRunResponse:
        call = call_from_proto(request, request.request_id)
        return pb.FailRunResponse(run=run_to_proto(await self._runs.fail(request.run_id, call)))
