"""Opens the use cases of suggestions to gRPC."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from nextpoint.v1 import suggestion_service_pb2 as pb
from nextpoint.v1 import suggestion_service_pb2_grpc
from nextpoint_service.application.suggestions import HandOut, SuggestionUseCases
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.calls import Paging, call_from_proto
from nextpoint_service.transport.convert.suggestions import (
    ask_from_proto,
    hand_out_from_proto,
    renewal_to_proto,
    state_from_proto,
    stream_ask_from_proto,
    suggestion_to_proto,
)
from nextpoint_service.transport.convert.values import assignments_from_proto, seconds_from_proto
from nextpoint_service.transport.suggestion_stream import SuggestionStreams

_Context = grpc.aio.ServicerContext[Any, Any]


class SuggestionServicer(suggestion_service_pb2_grpc.SuggestionServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self, suggestions: SuggestionUseCases, streams: SuggestionStreams, limits: Limits
    ) -> None:
        self._suggestions = suggestions
        self._streams = streams
        self._limits = limits

    async def CreateSuggestion(
        self, request: pb.CreateSuggestionRequest, context: _Context
    ) -> pb.CreateSuggestionResponse:
        call = call_from_proto(request, request.request_id)
        suggestion = await self._suggestions.create(ask_from_proto(request), call)
        return pb.CreateSuggestionResponse(suggestion=suggestion_to_proto(suggestion))

    async def QueueSuggestion(
        self, request: pb.QueueSuggestionRequest, context: _Context
    ) -> pb.QueueSuggestionResponse:
        call = call_from_proto(request, request.request_id)
        assignments = assignments_from_proto(request.assignments)
        suggestion = await self._suggestions.queue(
            request.experiment_id, assignments, call, request.task
        )
        return pb.QueueSuggestionResponse(suggestion=suggestion_to_proto(suggestion))

    async def DeleteSuggestion(
        self, request: pb.DeleteSuggestionRequest, context: _Context
    ) -> pb.DeleteSuggestionResponse:
        call = call_from_proto(request, request.request_id)
        await self._suggestions.delete(request.suggestion_id, call)
        return pb.DeleteSuggestionResponse()

    async def GetSuggestion(
        self, request: pb.GetSuggestionRequest, context: _Context
    ) -> pb.GetSuggestionResponse:
        suggestion = await self._suggestions.get(request.suggestion_id)
        return pb.GetSuggestionResponse(suggestion=suggestion_to_proto(suggestion))

    async def ListSuggestions(
        self, request: pb.ListSuggestionsRequest, context: _Context
    ) -> pb.ListSuggestionsResponse:
        violations = Violations()
        paging = Paging(request, request.page_size, request.page_token, self._limits, violations)
        state = state_from_proto(request.state, violations)
        violations.check()
        found = await self._suggestions.list(request.experiment_id, state, paging.page)
        suggestions, token = paging.cut(found, suggestion_to_proto)
        return pb.ListSuggestionsResponse(suggestions=suggestions, next_page_token=token)

    async def ReleaseSuggestion(
        self, request: pb.ReleaseSuggestionRequest, context: _Context
    ) -> pb.ReleaseSuggestionResponse:
        call = call_from_proto(request, request.request_id)
        hand_out = HandOut(request.suggestion_id, request.attempt)
        suggestion = await self._suggestions.release(hand_out, call)
        return pb.ReleaseSuggestionResponse(suggestion=suggestion_to_proto(suggestion))

    async def RenewLeases(
        self, request: pb.RenewLeasesRequest, context: _Context
    ) -> pb.RenewLeasesResponse:
        seconds = seconds_from_proto(request, "lease_duration")
        hand_outs = [hand_out_from_proto(each) for each in request.hand_outs]
        return renewal_to_proto(await self._suggestions.renew(hand_outs, seconds))

    async def StreamSuggestions(
        self, request: pb.StreamSuggestionsRequest, context: _Context
    ) -> AsyncIterator[pb.StreamSuggestionsResponse]:
        async for event in self._streams.events(stream_ask_from_proto(request)):
            yield event
