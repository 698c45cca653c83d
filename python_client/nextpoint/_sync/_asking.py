# Generated from nextpoint/aio/_asking.py by scripts/generate_sync; change that instead.
"""Asks for suggestions, one at a time or as a stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nextpoint._convert import duration_to_proto
from nextpoint._enums import enum_from_word, words_of
from nextpoint._fields import Fields, identity, raise_if_any
from nextpoint._outcome import queue_suggestion_to_proto
from nextpoint._sync._connection import PAGE_SIZE
from nextpoint._sync._stream import SuggestionStream
from nextpoint._sync._suggestion import suggestion_from_proto
from nextpoint.v1 import suggestion_pb2, suggestion_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nextpoint._assignments import ParameterValue
    from nextpoint._outcome import HasId
    from nextpoint._records import ExperimentRecord
    from nextpoint._sync._connection import Connection
    from nextpoint._sync._suggestion import Suggestion
    from nextpoint._tasks import TaskOrName
    from nextpoint.errors import FieldViolation

logger = logging.getLogger("nextpoint")

STATES = words_of(suggestion_pb2.SuggestionState)


def ask(
    connection: Connection,
    experiment_id: str,
    *,
    worker_id: str | None,
    lease_duration: float,
    max_wait: float | None,
) -> Suggestion:
    """Return a suggestion, whose lease is renewed from now on."""
    violations: list[FieldViolation] = []
    given = {"worker_id": worker_id, "lease_duration": lease_duration, "max_wait": max_wait}
    fields = Fields(given, "", violations)
    lease_seconds = fields.required_seconds("lease_duration")
    wait_seconds = fields.seconds("max_wait")
    request = suggestion_service_pb2.CreateSuggestionRequest(
        experiment_id=experiment_id,
        worker_id=fields.text("worker_id") or "",
        lease_duration=duration_to_proto(lease_seconds),
        max_wait=duration_to_proto(wait_seconds),
    )
    raise_if_any(violations, "the request")
    method = connection.suggestions.CreateSuggestion
    response = connection.call(method, request, waits=wait_seconds)
    suggestion = suggestion_from_proto(connection, response.suggestion)
    connection.leases.keep(suggestion, suggestion.id, lease_seconds)
    return suggestion


def queue(
    connection: Connection,
    experiment: ExperimentRecord,
    assignments: Mapping[str, ParameterValue],
    task: TaskOrName | None,
) -> Suggestion:
    """Queue assignments of the user's own."""
    request = queue_suggestion_to_proto(assignments, task, experiment)
    response = connection.call(connection.suggestions.QueueSuggestion, request)
    return suggestion_from_proto(connection, response.suggestion)


def delete_queued(connection: Connection, suggestion: HasId | str) -> None:
    """Take a suggestion out of the queue."""
    request = suggestion_service_pb2.DeleteSuggestionRequest(
        suggestion_id=identity("suggestion", suggestion)
    )
    connection.call(connection.suggestions.DeleteSuggestion, request)


def list_suggestions(
    connection: Connection, experiment_id: str, state: str | None
) -> Iterator[Suggestion]:
    """Yield the suggestions, the newest first."""
    request = suggestion_service_pb2.ListSuggestionsRequest(
        experiment_id=experiment_id,
        state=enum_from_word(state, STATES, absent=suggestion_pb2.SUGGESTION_STATE_UNSPECIFIED),
        page_size=PAGE_SIZE,
    )
    for page in connection.pages(connection.suggestions.ListSuggestions, request):
        for message in page.suggestions:
            yield suggestion_from_proto(connection, message)


def is_any_waiting(connection: Connection, experiment_id: str) -> bool:
    """Return whether a suggestion that was handed out before waits for the next worker."""
    request = suggestion_service_pb2.ListSuggestionsRequest(
        experiment_id=experiment_id,
        state=suggestion_pb2.SUGGESTION_STATE_WAITING,
        page_size=1,
    )
    response = connection.call(connection.suggestions.ListSuggestions, request)
    return bool(response.suggestions)


def follow(
    connection: Connection,
    experiment_id: str,
    *,
    worker_id: str | None,
    max_outstanding: int,
    max_wait: float | None,
) -> Iterator[Suggestion]:
    """Yield what a stream brings; give back what it brought and nobody evaluated.

    That is what nobody took, and what was yielded last when the loop is left: the service refuses
    to take back one that was observed.
    """
    stream = SuggestionStream(
        connection,
        experiment_id,
        worker_id=worker_id,
        max_outstanding=max_outstanding,
        max_wait=max_wait,
    )
    in_hand: list[Suggestion] = []
    try:
        while (suggestion := stream.take()) is not None:
            in_hand = [suggestion]
            if max_outstanding == 1:
                connection.leases.note_streamed(suggestion.id)
            yield suggestion
            in_hand = []
            if connection.leases.is_in_hand(suggestion.id):
                logger.warning(
                    "nothing more comes until suggestion %s is reported or released, because"
                    " max_outstanding is 1",
                    suggestion.id,
                )
    finally:
        stream.give_back(in_hand)
