"""Runs."""

from nextpoint.v1 import run_pb2, run_service_pb2
from nextpoint_service.application.runs import NewRun
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.convert.suggestions import ask_from_proto
from nextpoint_service.transport.convert.tasks import task_to_proto
from nextpoint_service.transport.convert.values import (
    assignments_to_proto,
    metadata_from_proto,
    metadata_to_proto,
    time_to_proto,
    values_to_proto,
)

_STATES = {
    run_pb2.RUN_STATE_ACTIVE: RunState.ACTIVE,
    run_pb2.RUN_STATE_COMPLETED: RunState.COMPLETED,
    run_pb2.RUN_STATE_FAILED: RunState.FAILED,
    run_pb2.RUN_STATE_LAPSED: RunState.LAPSED,
}
_STATES_OUT = {value: key for key, value in _STATES.items()}


def new_run_from_proto(request: run_service_pb2.CreateRunRequest) -> NewRun:
    """Return which run to open."""
    return NewRun(ask_from_proto(request), request.name, metadata_from_proto(request.metadata))


def state_from_proto(state: run_pb2.RunState.ValueType, violations: Violations) -> RunState | None:
    """Return the state, None for any; one that is not known is noted."""
    if state and state not in _STATES:
        violations.add("state", "is not known")
    return _STATES.get(state)


def run_to_proto(run: Run) -> run_pb2.Run:
    """Return the message of a run, its values sorted by name."""
    return run_pb2.Run(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        suggestion_id=run.suggestion_id,
        attempt=run.attempt,
        name=run.name,
        assignments=assignments_to_proto(run.assignments),
        values=values_to_proto(dict(sorted(run.values.items()))),
        state=_STATES_OUT[run.state],
        observation_id=run.observation_id or "",
        metadata=metadata_to_proto(run.metadata),
        create_time=time_to_proto(run.created),
        end_time=None if run.ended is None else time_to_proto(run.ended),
        task=None if run.task is None else task_to_proto(run.task),
    )
