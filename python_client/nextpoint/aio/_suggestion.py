"""A suggestion: what to try next."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nextpoint._convert import (
    assignments_from_proto,
    lease_from_proto,
    provenance_from_proto,
    time_from_proto,
)
from nextpoint._enums import word_from_enum
from nextpoint._tasks import task_from_proto
from nextpoint.errors import NextpointError
from nextpoint.v1 import suggestion_pb2, suggestion_service_pb2

if TYPE_CHECKING:
    from datetime import datetime

    from nextpoint._assignments import Assignments
    from nextpoint._records import Lease, Provenance
    from nextpoint._search_space import Task
    from nextpoint.aio._connection import Connection

# How long to report and give back where somebody waits who wants to end.
ENDING_SECONDS = 5.0


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Suggestion:
    """Assignments that are handed out to be evaluated, or queued for that.

    Attributes:
        id: The identity.
        experiment_id: The experiment that it belongs to.
        assignments: One value for every conditional, and every parameter that is there under them,
            by name.
        state: ``queued``, ``leased``, ``waiting`` for the next worker, ``observed``, or
            ``withdrawn`` after a change of the search space.
        attempt: How often it was handed out; with `id` it identifies this hand-out.
        lease: Who holds it and until when, as of its being fetched; None while nobody does.
        provenance: What made it, knowing what.
        create_time: When it was created.
        task: How to evaluate it: ``task.name`` and ``task.cost``; None when the experiment has no
            tasks.
    """

    id: str
    experiment_id: str
    assignments: Assignments
    state: str
    attempt: int
    lease: Lease | None
    provenance: Provenance = field(repr=False)
    create_time: datetime = field(repr=False)
    task: Task | None
    _connection: Connection = field(repr=False, compare=False)

    async def release(self) -> None:
        """Give it back without an outcome: the next worker gets it.

        Raises:
            LeaseLostError: It is not held under this attempt any more.
        """
        await release(self._connection, self.id, self.attempt)


async def release(
    connection: Connection, suggestion_id: str, attempt: int, *, within: float | None = None
) -> None:
    """Give a suggestion back, or raise LeaseLostError."""
    connection.leases.drop(suggestion_id)
    request = suggestion_service_pb2.ReleaseSuggestionRequest(
        suggestion_id=suggestion_id, attempt=attempt
    )
    await connection.call(connection.suggestions.ReleaseSuggestion, request, within=within)


async def give_back(
    connection: Connection, suggestion_id: str, attempt: int, *, within: float = ENDING_SECONDS
) -> None:
    """Give a suggestion back where that is possible, soon: whoever waits wants to end."""
    # One whose lease is lost is another worker's already, and every other lease runs out.
    with contextlib.suppress(NextpointError):
        await release(connection, suggestion_id, attempt, within=within)


def suggestion_from_proto(connection: Connection, message: suggestion_pb2.Suggestion) -> Suggestion:
    """Return a suggestion that can be given back over this connection."""
    return Suggestion(
        id=message.suggestion_id,
        experiment_id=message.experiment_id,
        assignments=assignments_from_proto(message.assignments),
        state=word_from_enum(suggestion_pb2.SuggestionState, message.state),
        attempt=message.attempt,
        lease=lease_from_proto(message.lease) if message.HasField("lease") else None,
        provenance=provenance_from_proto(message.provenance),
        create_time=time_from_proto(message.create_time),
        task=task_from_proto(message),
        _connection=connection,
    )
