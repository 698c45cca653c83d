# Generated from nextpoint/aio/_observing.py by scripts/generate_sync; change that instead.
"""Reports outcomes, so that what is reported is no longer held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._convert import observation_from_proto

if TYPE_CHECKING:
    from nextpoint._records import Observation
    from nextpoint._sync._connection import Connection
    from nextpoint.v1 import observation_service_pb2


def report(
    connection: Connection, request: observation_service_pb2.CreateObservationRequest
) -> Observation:
    """Report one outcome; with the same request once more it is not made again."""
    response = connection.call(connection.observations.CreateObservation, request)
    connection.leases.drop(request.suggestion_id)
    return observation_from_proto(response.observation)


def report_all(
    connection: Connection, request: observation_service_pb2.BatchCreateObservationsRequest
) -> list[Observation]:
    """Report several outcomes, all or none."""
    response = connection.call(connection.observations.BatchCreateObservations, request)
    for observation in request.observations:
        connection.leases.drop(observation.suggestion_id)
    return [observation_from_proto(message) for message in response.observations]
