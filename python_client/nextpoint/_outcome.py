"""From what a user reports about an evaluation to the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Protocol, SupportsFloat, TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

from nextpoint._fields import Fields, describe, identity, is_text, number_from, raise_if_any
from nextpoint._metadata import metadata_to_proto
from nextpoint._search_space import Double
from nextpoint._tasks import task_name
from nextpoint.v1 import (
    observation_pb2,
    observation_service_pb2,
    search_space_pb2,
    suggestion_service_pb2,
)

if TYPE_CHECKING:
    from nextpoint._assignments import ParameterValue
    from nextpoint._records import ExperimentRecord, MetadataValue
    from nextpoint._tasks import TaskOrName
    from nextpoint.errors import FieldViolation

INT64_MAX = 2**63 - 1

# A value, alone or with its standard deviation.
MetricValue: TypeAlias = SupportsFloat | tuple[SupportsFloat, SupportsFloat | None]

# All that was measured: by name, as SigOpt's list of dicts with the keys ``name``, ``value`` and
# ``value_stddev``, or alone where the experiment has one metric.
Values: TypeAlias = Mapping[str, MetricValue] | Iterable[Mapping[str, object]] | MetricValue


class HasId(Protocol):
    """A suggestion, of either kind of client."""

    @property
    def id(self) -> str:
        """The identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObservation:
    """One outcome of several to report at once.

    Exactly one of ``suggestion`` and ``assignments`` is needed, and ``values`` unless ``failed``.

    Attributes:
        suggestion: The suggestion that was evaluated, or its id.
        assignments: The assignments of the user's own that were evaluated.
        values: What was measured, in any form that `Experiment.create_observation` takes.
        failed: Whether the evaluation failed.
        metadata: Notes to keep with it.
        task: The task that the assignments of the user's own were evaluated with, or its name;
            needed where the experiment has tasks.
    """

    suggestion: HasId | str | None = None
    assignments: Mapping[str, ParameterValue] | None = None
    values: Values | None = None
    failed: bool = False
    metadata: Mapping[str, MetadataValue] | None = None
    task: TaskOrName | None = None


def create_observation_to_proto(
    given: Mapping[str, object], experiment: ExperimentRecord
) -> observation_service_pb2.CreateObservationRequest:
    """Return the request, or raise InvalidArgumentError with everything that cannot be sent."""
    violations: list[FieldViolation] = []
    outcome = _new_observation(given, "", experiment, violations)
    raise_if_any(violations, "the observation")
    return observation_service_pb2.CreateObservationRequest(
        experiment_id=experiment.id,
        suggestion_id=outcome.suggestion_id,
        assignments=outcome.assignments,
        values=outcome.values,
        failed=outcome.failed,
        metadata=outcome.metadata,
        task=outcome.task,
    )


def create_observations_to_proto(
    given: Iterable[NewObservation | Mapping[str, object]], experiment: ExperimentRecord
) -> observation_service_pb2.BatchCreateObservationsRequest:
    """Return the request, or raise InvalidArgumentError with everything that cannot be sent."""
    violations: list[FieldViolation] = []
    fields = Fields({"observations": given}, "", violations)
    outcomes = [
        _new_observation(item, path, experiment, violations)
        for path, item in fields.items("observations")
    ]
    raise_if_any(violations, "an observation")
    return observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=experiment.id, observations=outcomes
    )


def update_observation_to_proto(
    observation: object, changes: Mapping[str, object], experiment: ExperimentRecord
) -> observation_service_pb2.UpdateObservationRequest:
    """Return the request to change just these fields."""
    violations: list[FieldViolation] = []
    fields = Fields(changes, "", violations)
    request = observation_service_pb2.UpdateObservationRequest(
        observation_id=identity("observation", observation),
        values=values_to_proto(fields, experiment),
        failed=fields.flag("failed"),
        metadata=metadata_to_proto(fields),
        update_mask=FieldMask(paths=list(changes)),
    )
    raise_if_any(violations, "the observation")
    return request


def queue_suggestion_to_proto(
    assignments: Mapping[str, ParameterValue],
    task: TaskOrName | None,
    experiment: ExperimentRecord,
) -> suggestion_service_pb2.QueueSuggestionRequest:
    """Return the request, or raise InvalidArgumentError with everything that cannot be sent."""
    violations: list[FieldViolation] = []
    fields = Fields({"assignments": assignments, "task": task}, "", violations)
    request = suggestion_service_pb2.QueueSuggestionRequest(
        experiment_id=experiment.id,
        assignments=assignments_to_proto(fields.named("assignments"), experiment),
        task=task_name(fields),
    )
    raise_if_any(violations, "the suggestion")
    return request


def _new_observation(
    given: object, path: str, experiment: ExperimentRecord, violations: list[FieldViolation]
) -> observation_service_pb2.NewObservation:
    if isinstance(given, NewObservation):
        given = {
            "suggestion": given.suggestion,
            "assignments": given.assignments,
            "values": given.values,
            "failed": given.failed,
            "metadata": given.metadata,
            "task": given.task,
        }
    fields = Fields(given, path, violations)
    fields.allow("suggestion", "assignments", "values", "failed", "metadata", "task")
    return observation_service_pb2.NewObservation(
        suggestion_id=fields.identity("suggestion") or "",
        assignments=assignments_to_proto(fields.named("assignments"), experiment),
        values=values_to_proto(fields, experiment),
        failed=fields.flag("failed"),
        metadata=metadata_to_proto(fields),
        task=task_name(fields),
    )


def assignments_to_proto(
    fields: Fields, experiment: ExperimentRecord
) -> dict[str, search_space_pb2.ParameterValue]:
    """Return assignments as the contract has them: 1 is 1.0 for a real parameter."""
    doubles = {item.name for item in experiment.parameters if isinstance(item, Double)}
    messages = {}
    for name, value in fields.entries():
        message = parameter_value_to_proto(value, real=name in doubles)
        if message is None:
            fields.refuse(name, f"must be a number, a string, True or False, got {describe(value)}")
        else:
            messages[name] = message
    return messages


def parameter_value_to_proto(
    value: object, *, real: bool
) -> search_space_pb2.ParameterValue | None:
    """Return a value as the contract has it; None when it is none of its types."""
    if is_text(value):
        return search_space_pb2.ParameterValue(string_value=value)
    # NumPy's booleans are called like Python's, and are none.
    if type(value).__name__ in {"bool", "bool_"}:
        return search_space_pb2.ParameterValue(bool_value=bool(value))
    if isinstance(value, Integral) and not real and abs(int(value)) <= INT64_MAX:
        return search_space_pb2.ParameterValue(int_value=int(value))
    number = number_from(value)
    return None if number is None else search_space_pb2.ParameterValue(double_value=number)


def values_to_proto(
    fields: Fields, experiment: ExperimentRecord
) -> list[observation_pb2.MetricValue]:
    """Return the entry ``values``, in any form, as the contract has it."""
    values = fields.get("values")
    if values is None:
        return []
    if isinstance(values, Mapping):
        return named_values_to_proto(fields.named("values"))
    if isinstance(values, tuple) or number_from(values) is not None:
        return _only_value(fields, values, experiment)
    return [_listed_value(item) for item in fields.mappings("values")]


def _only_value(
    fields: Fields, value: object, experiment: ExperimentRecord
) -> list[observation_pb2.MetricValue]:
    if len(experiment.metrics) != 1:
        names = ", ".join(metric.name for metric in experiment.metrics)
        fields.refuse("values", f"must say which metric it is of, there are several: {names}")
        return []
    message = _metric_value(experiment.metrics[0].name, value)
    if message is None:
        fields.refuse("values", f"must be a number or (value, stddev), got {describe(value)}")
        return []
    return [message]


def _listed_value(fields: Fields) -> observation_pb2.MetricValue:
    fields.allow("name", "value", "value_stddev")
    return observation_pb2.MetricValue(
        name=fields.text("name") or "",
        value=fields.number("value"),
        value_stddev=fields.number("value_stddev"),
    )


def named_values_to_proto(fields: Fields) -> list[observation_pb2.MetricValue]:
    """Return values by name, alone or with their standard deviations, as the contract has them."""
    messages = []
    for name, value in fields.entries():
        message = _metric_value(name, value)
        if message is None:
            fields.refuse(name, f"must be a number or (value, stddev), got {describe(value)}")
        else:
            messages.append(message)
    return messages


def _metric_value(name: str, given: object) -> observation_pb2.MetricValue | None:
    match given:
        case (value, None):
            stddev: float | None = None
        case (value, deviation):
            stddev = number_from(deviation)
            if stddev is None:
                return None
        case value:
            stddev = None
    number = number_from(value)
    if number is None:
        return None
    return observation_pb2.MetricValue(name=name, value=number, value_stddev=stddev)
