"""Reports outcomes and reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._convert import observation_from_proto
from nextpoint._outcome import update_observation_to_proto
from nextpoint.aio._connection import PAGE_SIZE
from nextpoint.v1 import analysis_service_pb2, observation_service_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from nextpoint._records import ExperimentRecord, Observation
    from nextpoint.aio._connection import Connection


async def report(
    connection: Connection, request: observation_service_pb2.CreateObservationRequest
) -> Observation:
    """Report one outcome, whose suggestion is then no longer held.

    With the same request once more it is not made again.
    """
    response = await connection.call(connection.observations.CreateObservation, request)
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


async def change_observation(
    connection: Connection,
    observation_id: str,
    changes: Mapping[str, object],
    experiment: ExperimentRecord,
) -> Observation:
    """Change just these fields."""
    request = update_observation_to_proto(observation_id, changes, experiment)
    response = await connection.call(connection.observations.UpdateObservation, request)
    return observation_from_proto(response.observation)


async def delete_observation(connection: Connection, observation_id: str) -> None:
    """Delete an observation for good."""
    request = observation_service_pb2.DeleteObservationRequest(observation_id=observation_id)
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


async def list_best(connection: Connection, experiment_id: str) -> AsyncIterator[Observation]:
    """Yield the observations that none of the others beats."""
    request = analysis_service_pb2.ListBestAssignmentsRequest(
        experiment_id=experiment_id, page_size=PAGE_SIZE
    )
    async for page in connection.pages(connection.analysis.ListBestAssignments, request):
        for best in page.best_assignments:
            yield observation_from_proto(best.observation)
