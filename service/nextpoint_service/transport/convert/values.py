"""Assignments, measured values, metadata, times."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from nextpoint.v1 import experiment_pb2, observation_pb2, search_space_pb2
from nextpoint_service.domain.assignments import Assignments, Value
from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.experiment import Metadata
from nextpoint_service.domain.observation import Values
from nextpoint_service.domain.report import ValueDraft

_NANOS_MOST = 999_999_999


def value_from_proto(message: search_space_pb2.ParameterValue) -> Value | None:
    """Return the value; None when the message has none."""
    match message.WhichOneof("kind"):
        case "double_value":
            return message.double_value
        case "int_value":
            return message.int_value
        case "string_value":
            return message.string_value
        case "bool_value":
            return message.bool_value
        case None:
            return None


def value_to_proto(value: Value) -> search_space_pb2.ParameterValue:
    """Return the message of a value."""
    # A bool is an int to Python, so it comes first.
    match value:
        case bool():
            return search_space_pb2.ParameterValue(bool_value=value)
        case int():
            return search_space_pb2.ParameterValue(int_value=value)
        case float():
            return search_space_pb2.ParameterValue(double_value=value)
        case str():
            return search_space_pb2.ParameterValue(string_value=value)


def assignments_from_proto(
    messages: Mapping[str, search_space_pb2.ParameterValue],
) -> dict[str, Value | None]:
    """Return the assignments as the caller wrote them."""
    return {name: value_from_proto(message) for name, message in messages.items()}


def assignments_to_proto(
    assignments: Assignments,
) -> dict[str, search_space_pb2.ParameterValue]:
    """Return the messages of assignments."""
    return {name: value_to_proto(value) for name, value in assignments.items()}


def values_from_proto(messages: Iterable[observation_pb2.MetricValue]) -> tuple[ValueDraft, ...]:
    """Return measured values as the caller wrote them."""
    return tuple(
        ValueDraft(
            name=each.name,
            value=each.value if each.HasField("value") else None,
            stddev=each.value_stddev if each.HasField("value_stddev") else None,
        )
        for each in messages
    )


def values_to_proto(values: Values) -> list[observation_pb2.MetricValue]:
    """Return the messages of measured values."""
    return [
        observation_pb2.MetricValue(name=name, value=each.value, value_stddev=each.stddev)
        for name, each in values.items()
    ]


def metadata_from_proto(messages: Mapping[str, experiment_pb2.MetadataValue]) -> Metadata:
    """Return metadata; an entry without a value counts as an empty text."""
    return {
        key: each.number_value if each.HasField("number_value") else each.string_value
        for key, each in messages.items()
    }


def metadata_to_proto(metadata: Metadata) -> dict[str, experiment_pb2.MetadataValue]:
    """Return the messages of metadata."""
    return {
        key: experiment_pb2.MetadataValue(string_value=value)
        if isinstance(value, str)
        else experiment_pb2.MetadataValue(number_value=value)
        for key, value in metadata.items()
    }


def time_to_proto(time: datetime) -> Timestamp:
    """Return the message of a time."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def seconds_from_proto(request: Message, field: str) -> float | None:
    """Return the seconds of a field that is a duration, None where it is absent.

    Raises InvalidRequest when it is none, by what the type Duration says of itself.
    """
    if not request.HasField(field):
        return None
    duration: Duration = getattr(request, field)
    if abs(duration.nanos) > _NANOS_MOST or duration.seconds * duration.nanos < 0:
        fault = f"must have nanos below 10^9 and of the sign of its seconds, got {duration.nanos}"
        raise InvalidRequest([FieldViolation(field, fault)])
    return duration.seconds + duration.nanos / 1e9


def seconds_to_proto(seconds: float) -> Duration:
    """Return the duration of seconds, to the nanosecond."""
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message
