"""Observations."""

from nextpoint.v1 import observation_pb2, observation_service_pb2
from nextpoint_service.domain.correction import ObservationChange
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.report import ObservationDraft
from nextpoint_service.transport.convert.tasks import task_to_proto
from nextpoint_service.transport.convert.values import (
    assignments_from_proto,
    assignments_to_proto,
    metadata_from_proto,
    metadata_to_proto,
    time_to_proto,
    values_from_proto,
    values_to_proto,
)
from nextpoint_service.transport.masks import fields_to_change


def draft_from_proto(
    message: observation_service_pb2.CreateObservationRequest
    | observation_service_pb2.NewObservation,
) -> ObservationDraft:
    """Return the outcome as the caller wrote it."""
    return ObservationDraft(
        suggestion_id=message.suggestion_id,
        assignments=assignments_from_proto(message.assignments),
        values=values_from_proto(message.values),
        failed=message.failed,
        metadata=metadata_from_proto(message.metadata),
        task=message.task,
    )


def change_from_proto(
    request: observation_service_pb2.UpdateObservationRequest,
) -> ObservationChange:
    """Return the new contents and which of them count."""
    return ObservationChange(
        fields=fields_to_change(request, request.update_mask),
        values=values_from_proto(request.values),
        failed=request.failed,
        metadata=metadata_from_proto(request.metadata),
    )


def observation_to_proto(observation: Observation) -> observation_pb2.Observation:
    """Return the message of an observation."""
    return observation_pb2.Observation(
        observation_id=observation.observation_id,
        experiment_id=observation.experiment_id,
        suggestion_id=observation.suggestion_id or "",
        run_id=observation.run_id or "",
        assignments=assignments_to_proto(observation.assignments),
        values=values_to_proto(observation.values),
        failed=observation.failed,
        outside=observation.outside,
        metadata=metadata_to_proto(observation.metadata),
        create_time=time_to_proto(observation.created),
        update_time=time_to_proto(observation.updated),
        task=None if observation.task is None else task_to_proto(observation.task),
    )
