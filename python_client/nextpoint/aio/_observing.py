"""Reports outcomes and reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._convert import observation_from_proto
from nextpoint._enums import enum_from_word, words_of
from nextpoint._fields import describe, identity, raise_if_any
from nextpoint._importing import (
    ImportedRow,
    batch_to_proto,
    batches,
    outcomes_from_table,
    split_refused,
)
from nextpoint._outcome import update_observation_to_proto
from nextpoint._table import read_table
from nextpoint.aio._connection import PAGE_SIZE
from nextpoint.errors import FieldViolation, InvalidArgumentError, NextpointError
from nextpoint.v1 import analysis_service_pb2, observation_service_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from nextpoint._outcome import HasId
    from nextpoint._records import ExperimentRecord, Observation
    from nextpoint._table import TableSource
    from nextpoint.aio._connection import Connection

RANKINGS = words_of(analysis_service_pb2.Ranking)


async def report(
    connection: Connection,
    request: observation_service_pb2.CreateObservationRequest,
    *,
    within: float | None = None,
) -> Observation:
    """Report one outcome, whose suggestion is then no longer held.

    With the same request once more it is not made again.
    """
    response = await connection.call(
        connection.observations.CreateObservation, request, within=within
    )
    connection.leases.drop(request.suggestion_id)
    return observation_from_proto(response.observation)


async def report_all(
    connection: Connection, request: observation_service_pb2.BatchCreateObservationsRequest
) -> list[Observation]:
    """Report several outcomes, all or none."""
    response = await connection.call(connection.observations.BatchCreateObservations, request)
    for observation in request.observations:
        connection.leases.drop(observation.suggestion_id)
    return [observation_from_proto(message) for message in response.observations]


async def import_all(
    connection: Connection,
    experiment: ExperimentRecord,
    source: TableSource,
    metadata_columns: Iterable[str],
) -> list[Observation]:
    """Report every row of a table; nothing when one of them is not valid."""
    if isinstance(metadata_columns, str):
        problem = f"must be a list of names, got {describe(metadata_columns)}"
        raise_if_any([FieldViolation("metadata_columns", problem)], "the call")
    rows, violations = outcomes_from_table(
        read_table(source), experiment, frozenset(metadata_columns)
    )
    sendable = [*batches(rows)]
    for batch in sendable:
        violations += await _faults_of(connection, experiment.id, batch)
    raise_if_any(violations, "the table")
    observations: list[Observation] = []
    for batch in sendable:
        try:
            observations += await report_all(connection, batch_to_proto(experiment.id, batch))
        except NextpointError as error:
            error.add_note(f"{len(observations)} of {len(rows)} rows were imported before that")
            raise
    return observations


async def _faults_of(
    connection: Connection, experiment_id: str, batch: list[ImportedRow]
) -> list[FieldViolation]:
    """Return all that the service would refuse, asking until it refuses nothing of the rest."""
    violations: list[FieldViolation] = []
    while batch:
        request = batch_to_proto(experiment_id, batch, validate_only=True)
        try:
            await connection.call(connection.observations.BatchCreateObservations, request)
        except InvalidArgumentError as refused:
            found, rest = split_refused(batch, refused.violations)
            if len(rest) == len(batch):
                raise
            violations += found
            batch = rest
        else:
            break
    return violations


async def change_observation(
    connection: Connection,
    observation: HasId | str,
    changes: Mapping[str, object],
    experiment: ExperimentRecord,
) -> Observation:
    """Change just these fields."""
    request = update_observation_to_proto(observation, changes, experiment)
    response = await connection.call(connection.observations.UpdateObservation, request)
    return observation_from_proto(response.observation)


async def delete_observation(connection: Connection, observation: HasId | str) -> None:
    """Delete an observation for good."""
    request = observation_service_pb2.DeleteObservationRequest(
        observation_id=identity("observation", observation)
    )
    await connection.call(connection.observations.DeleteObservation, request)


async def list_observations(
    connection: Connection, experiment_id: str
) -> AsyncIterator[Observation]:
    """Yield the observations, the newest first."""
    request = observation_service_pb2.ListObservationsRequest(
        experiment_id=experiment_id, page_size=PAGE_SIZE
    )
    async for page in connection.pages(connection.observations.ListObservations, request):
        for message in page.observations:
            yield observation_from_proto(message)


async def list_best(
    connection: Connection, experiment_id: str, by: str | None
) -> AsyncIterator[Observation]:
    """Yield the observations that none of the others beats."""
    request = analysis_service_pb2.ListBestAssignmentsRequest(
        experiment_id=experiment_id,
        page_size=PAGE_SIZE,
        ranking=enum_from_word(
            by, RANKINGS, absent=analysis_service_pb2.RANKING_UNSPECIFIED, argument="by"
        ),
    )
    async for page in connection.pages(connection.analysis.ListBestAssignments, request):
        for best in page.best_assignments:
            yield observation_from_proto(best.observation, best.predictions)
