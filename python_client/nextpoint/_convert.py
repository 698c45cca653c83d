"""From the contract to what a user reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from google.protobuf.duration_pb2 import Duration

from nextpoint import _search_space as space
from nextpoint._assignments import Assignments, ParameterValue
from nextpoint._conditionals import conditional_from_proto, conditions_from_proto
from nextpoint._enums import word_from_enum
from nextpoint._metadata import metadata_from_proto
from nextpoint._records import (
    ExperimentRecord,
    Lease,
    Observation,
    Prediction,
    Progress,
    Provenance,
    RunRecord,
)
from nextpoint._tasks import task_from_proto
from nextpoint.v1 import experiment_pb2, run_pb2, search_space_pb2, suggestion_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from google.protobuf.timestamp_pb2 import Timestamp

    from nextpoint.v1 import observation_pb2

RELATIONS: dict[int, Literal["<=", ">=", "=="]] = {
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_LESS_THAN: "<=",
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_GREATER_THAN: ">=",
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_EQUAL: "==",
}


def experiment_from_proto(message: experiment_pb2.Experiment) -> ExperimentRecord:
    """Return the state of an experiment."""
    budget = message.budget if message.HasField("budget") else None
    return ExperimentRecord(
        id=message.experiment_id,
        name=message.name,
        project=message.project or None,
        type=word_from_enum(experiment_pb2.ExperimentType, message.type),
        parameters=tuple(_parameter(parameter) for parameter in message.parameters),
        metrics=tuple(_metric(metric) for metric in message.metrics),
        linear_constraints=tuple(_constraint(c) for c in message.linear_constraints),
        budget=budget,
        parallel_bandwidth=message.parallel_bandwidth or 1,
        num_solutions=message.num_solutions or 1,
        engine=word_from_enum(
            experiment_pb2.ExperimentEngine,
            message.engine or experiment_pb2.EXPERIMENT_ENGINE_AUTO,
        ),
        conditionals=tuple(conditional_from_proto(each) for each in message.conditionals),
        tasks=tuple(space.Task(task.name, task.cost) for task in message.tasks),
        metadata=metadata_from_proto(message.metadata),
        tags=tuple(message.tags),
        state=word_from_enum(experiment_pb2.ExperimentState, message.state),
        progress=_progress(message.progress, budget, has_tasks=bool(message.tasks)),
        create_time=time_from_proto(message.create_time),
        update_time=time_from_proto(message.update_time),
    )


def _parameter(message: search_space_pb2.Parameter) -> space.Parameter | space.UnknownParameter:
    parameter = _typed_parameter(message)
    if isinstance(parameter, space.UnknownParameter):
        return parameter
    parameter = replace(parameter, conditions=conditions_from_proto(message.conditions))
    if not message.HasField("default_value"):
        return parameter
    # The service keeps none of another type.
    return replace(parameter, default_value=_parameter_value(message.default_value))  # type: ignore[arg-type]


def _typed_parameter(
    message: search_space_pb2.Parameter,
) -> space.Parameter | space.UnknownParameter:
    match message.type:
        case search_space_pb2.PARAMETER_TYPE_DOUBLE | search_space_pb2.PARAMETER_TYPE_INT:
            return _numeric_parameter(message)
        case search_space_pb2.PARAMETER_TYPE_CATEGORICAL:
            values = tuple(message.categorical_values)
            return space.Categorical(message.name, values, ordered=message.ordered)
        case search_space_pb2.PARAMETER_TYPE_BOOL:
            return space.Bool(message.name)
        case _:
            return space.UnknownParameter(message.name)


def _numeric_parameter(message: search_space_pb2.Parameter) -> space.Double | space.Int:
    """Return it without the bounds that the service adds to a grid: these cannot be written."""
    log = message.transformation == search_space_pb2.PARAMETER_TRANSFORMATION_LOG
    double = message.type == search_space_pb2.PARAMETER_TYPE_DOUBLE
    if double and message.grid:
        return space.Double(message.name, log=log, grid=tuple(message.grid))
    if double:
        low, high = message.bounds.min, message.bounds.max
        return space.Double(message.name, low, high, log=log, prior=_prior(message.prior))
    if message.grid:
        return space.Int(message.name, log=log, grid=tuple(int(n) for n in message.grid))
    return space.Int(message.name, int(message.bounds.min), int(message.bounds.max), log=log)


def _prior(message: search_space_pb2.ParameterPrior) -> space.Prior | None:
    match message.WhichOneof("kind"):
        case "normal":
            return space.NormalPrior(message.normal.mean, message.normal.scale)
        case "beta":
            return space.BetaPrior(message.beta.shape_a, message.beta.shape_b)
        case _:
            return None


def _metric(message: experiment_pb2.Metric) -> space.Metric:
    minimize = message.objective == experiment_pb2.METRIC_OBJECTIVE_MINIMIZE
    word = word_from_enum(experiment_pb2.MetricStrategy, message.strategy)
    return space.Metric(
        message.name,
        objective="minimize" if minimize else "maximize",
        # A strategy of a newer service is shown as it is.
        strategy=cast("Literal['optimize', 'constraint', 'store']", word),
        threshold=message.threshold if message.HasField("threshold") else None,
    )


def _constraint(message: search_space_pb2.LinearConstraint) -> space.LinearConstraint:
    return space.LinearConstraint(
        weights={term.name: term.weight for term in message.terms},
        relation=RELATIONS.get(message.type, "=="),
        threshold=message.threshold,
    )


def _progress(message: experiment_pb2.Progress, budget: int | None, *, has_tasks: bool) -> Progress:
    remaining = message.remaining_budget if message.HasField("remaining_budget") else None
    consumed: float = message.observation_count - message.repeated_observation_count
    left: float | None = remaining
    # An older service says nothing of either, and has no tasks.
    if has_tasks:
        consumed, left = message.budget_consumed, message.budget_left
    return Progress(
        observation_count=message.observation_count,
        failed_observation_count=message.failed_observation_count,
        open_suggestion_count=message.open_suggestion_count,
        queued_suggestion_count=message.queued_suggestion_count,
        active_run_count=message.active_run_count,
        budget=budget,
        remaining_budget=remaining,
        finished=message.finished,
        repeated_observation_count=message.repeated_observation_count,
        budget_consumed=consumed,
        budget_left=left,
    )


def provenance_from_proto(message: suggestion_pb2.Provenance) -> Provenance:
    """Return where a suggestion comes from."""
    has_value = message.HasField("acquisition_value")
    return Provenance(
        generator=word_from_enum(suggestion_pb2.Generator, message.generator),
        method=message.method,
        seed=message.seed if message.HasField("seed") else None,
        observation_count=message.observation_count,
        pending_count=message.pending_count,
        fallback_reason=message.fallback_reason,
        predictions=_predictions(message.predictions),
        acquisition_value=message.acquisition_value if has_value else None,
    )


def lease_from_proto(message: suggestion_pb2.Lease) -> Lease:
    """Return a worker's hold on a suggestion."""
    return Lease(worker_id=message.worker_id, expire_time=time_from_proto(message.expire_time))


def run_from_proto(message: run_pb2.Run) -> RunRecord:
    """Return the state of a run."""
    return RunRecord(
        id=message.run_id,
        name=message.name,
        experiment_id=message.experiment_id,
        suggestion_id=message.suggestion_id,
        attempt=message.attempt,
        params=assignments_from_proto(message.assignments),
        values=_values(message.values),
        stddevs=_stddevs(message.values),
        state=word_from_enum(run_pb2.RunState, message.state),
        observation_id=message.observation_id or None,
        metadata=metadata_from_proto(message.metadata),
        create_time=time_from_proto(message.create_time),
        end_time=time_from_proto(message.end_time) if message.HasField("end_time") else None,
        task=task_from_proto(message),
    )


def observation_from_proto(
    message: observation_pb2.Observation,
    predictions: Mapping[str, suggestion_pb2.Prediction] = MappingProxyType({}),
) -> Observation:
    """Return an observation, and what a model expects there if one was asked."""
    return Observation(
        id=message.observation_id,
        experiment_id=message.experiment_id,
        suggestion_id=message.suggestion_id or None,
        run_id=message.run_id or None,
        assignments=assignments_from_proto(message.assignments),
        values=_values(message.values),
        stddevs=_stddevs(message.values),
        failed=message.failed,
        outside=message.outside,
        metadata=metadata_from_proto(message.metadata),
        create_time=time_from_proto(message.create_time),
        update_time=time_from_proto(message.update_time),
        predictions=_predictions(predictions),
        task=task_from_proto(message),
    )


def assignments_from_proto(
    messages: Mapping[str, search_space_pb2.ParameterValue],
) -> Assignments:
    """Return one point of a search space, sorted by name."""
    return Assignments({name: _parameter_value(messages[name]) for name in sorted(messages)})


def _parameter_value(message: search_space_pb2.ParameterValue) -> ParameterValue:
    match message.WhichOneof("kind"):
        case "double_value":
            return message.double_value
        case "int_value":
            return message.int_value
        case "bool_value":
            return message.bool_value
        case _:
            return message.string_value


def _values(messages: Iterable[observation_pb2.MetricValue]) -> dict[str, float]:
    return {message.name: message.value for message in messages}


def _stddevs(messages: Iterable[observation_pb2.MetricValue]) -> dict[str, float]:
    return {
        message.name: message.value_stddev
        for message in messages
        if message.HasField("value_stddev")
    }


def _predictions(messages: Mapping[str, suggestion_pb2.Prediction]) -> dict[str, Prediction]:
    return {
        name: Prediction(mean=message.mean, stddev=message.stddev)
        for name, message in messages.items()
    }


def time_from_proto(message: Timestamp) -> datetime:
    """Return a point in time, in UTC."""
    return message.ToDatetime(tzinfo=UTC)


def duration_to_proto(seconds: float | None) -> Duration | None:
    """Return a span as the contract has it."""
    if seconds is None:
        return None
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))
