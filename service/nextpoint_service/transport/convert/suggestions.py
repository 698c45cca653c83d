"""Suggestions, leases, provenance."""

from collections.abc import Mapping

from nextpoint.v1 import run_service_pb2, suggestion_pb2, suggestion_service_pb2
from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.application.suggestions import HandOut, Renewal
from nextpoint_service.domain.suggestion import (
    Generator,
    Prediction,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.convert.tasks import task_to_proto
from nextpoint_service.transport.convert.values import (
    assignments_to_proto,
    seconds_from_proto,
    time_to_proto,
)

_STATES = {
    suggestion_pb2.SUGGESTION_STATE_QUEUED: SuggestionState.QUEUED,
    suggestion_pb2.SUGGESTION_STATE_LEASED: SuggestionState.LEASED,
    suggestion_pb2.SUGGESTION_STATE_WAITING: SuggestionState.WAITING,
    suggestion_pb2.SUGGESTION_STATE_OBSERVED: SuggestionState.OBSERVED,
    suggestion_pb2.SUGGESTION_STATE_WITHDRAWN: SuggestionState.WITHDRAWN,
}
_STATES_OUT = {value: key for key, value in _STATES.items()}
_GENERATORS_OUT = {
    Generator.SPACE_FILLING: suggestion_pb2.GENERATOR_SPACE_FILLING,
    Generator.MODEL: suggestion_pb2.GENERATOR_MODEL,
    Generator.RANDOM: suggestion_pb2.GENERATOR_RANDOM,
    Generator.GRID: suggestion_pb2.GENERATOR_GRID,
    Generator.USER: suggestion_pb2.GENERATOR_USER,
}


def ask_from_proto(
    request: suggestion_service_pb2.CreateSuggestionRequest | run_service_pb2.CreateRunRequest,
) -> Ask:
    """Return who wants a suggestion, and how."""
    return Ask(
        experiment_id=request.experiment_id,
        worker_id=request.worker_id,
        lease_seconds=seconds_from_proto(request, "lease_duration"),
        max_wait_seconds=seconds_from_proto(request, "max_wait"),
    )


def stream_ask_from_proto(request: suggestion_service_pb2.StreamSuggestionsRequest) -> Ask:
    """Return who wants suggestions, how, and how many at a time."""
    return Ask(
        experiment_id=request.experiment_id,
        worker_id=request.worker_id,
        max_wait_seconds=seconds_from_proto(request, "max_wait"),
        most_held=request.max_outstanding or 1,
    )


def state_from_proto(
    state: suggestion_pb2.SuggestionState.ValueType, violations: Violations
) -> SuggestionState | None:
    """Return the state, None for any; one that is not known is noted."""
    if state and state not in _STATES:
        violations.add("state", "is not known")
    return _STATES.get(state)


def suggestion_to_proto(suggestion: Suggestion) -> suggestion_pb2.Suggestion:
    """Return the message of a suggestion."""
    lease = suggestion.lease
    return suggestion_pb2.Suggestion(
        suggestion_id=suggestion.suggestion_id,
        experiment_id=suggestion.experiment_id,
        assignments=assignments_to_proto(suggestion.assignments),
        state=_STATES_OUT[suggestion.state],
        attempt=suggestion.attempt,
        lease=None
        if lease is None
        else suggestion_pb2.Lease(
            worker_id=lease.worker_id, expire_time=time_to_proto(lease.expires)
        ),
        provenance=_provenance_to_proto(suggestion.provenance),
        create_time=time_to_proto(suggestion.created),
        task=None if suggestion.task is None else task_to_proto(suggestion.task),
    )


def predictions_to_proto(
    predictions: Mapping[str, Prediction],
) -> dict[str, suggestion_pb2.Prediction]:
    """Return the messages of what a model expects, by metric."""
    return {
        name: suggestion_pb2.Prediction(mean=each.mean, stddev=each.stddev)
        for name, each in predictions.items()
    }


def hand_out_from_proto(message: suggestion_service_pb2.HandOut) -> HandOut:
    """Return the hand-out."""
    return HandOut(message.suggestion_id, message.attempt)


def renewal_to_proto(renewal: Renewal) -> suggestion_service_pb2.RenewLeasesResponse:
    """Return the message of what became of leases."""
    return suggestion_service_pb2.RenewLeasesResponse(
        renewed=[_hand_out_to_proto(each) for each in renewal.renewed],
        lost=[_hand_out_to_proto(each) for each in renewal.lost],
    )


def _hand_out_to_proto(hand_out: HandOut) -> suggestion_service_pb2.HandOut:
    return suggestion_service_pb2.HandOut(
        suggestion_id=hand_out.suggestion_id, attempt=hand_out.attempt
    )


def _provenance_to_proto(provenance: Provenance) -> suggestion_pb2.Provenance:
    return suggestion_pb2.Provenance(
        generator=_GENERATORS_OUT[provenance.generator],
        method=provenance.method,
        seed=provenance.seed,
        observation_count=provenance.observation_count,
        pending_count=provenance.pending_count,
        fallback_reason=provenance.fallback_reason,
        predictions=predictions_to_proto(provenance.predictions),
        acquisition_value=provenance.acquisition_value,
    )
