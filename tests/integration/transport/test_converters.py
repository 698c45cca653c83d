"""No field of the contract is forgotten between a message and the domain."""

from collections.abc import MutableMapping, MutableSequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from tests.support.grpc_service import a_definition, changed

from nextpoint.v1 import (
    analysis_service_pb2,
    experiment_pb2,
    experiment_service_pb2,
    observation_pb2,
    observation_service_pb2,
    run_pb2,
    run_service_pb2,
    search_space_pb2,
    suggestion_pb2,
    suggestion_service_pb2,
    task_pb2,
)
from nextpoint_service.application.analysis import Best
from nextpoint_service.application.experiments import Detail
from nextpoint_service.application.suggestions import Renewal
from nextpoint_service.domain.definition import define
from nextpoint_service.domain.errors import FieldViolation
from nextpoint_service.domain.experiment import Progress
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.stopping import StoppingReason
from nextpoint_service.domain.suggestion import (
    Ending,
    Generator,
    Lease,
    Prediction,
    Provenance,
    Suggestion,
    SuggestionState,
)
from nextpoint_service.domain.tasks import Task
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.convert import (
    analysis,
    experiments,
    observations,
    runs,
    suggestions,
)
from nextpoint_service.transport.convert.values import values_from_proto
from nextpoint_service.transport.suggestion_stream import ENDINGS

NOW = datetime(2026, 5, 17, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)
LIMITS = Limits()
SERVICES = [
    module.DESCRIPTOR.services_by_name[name]
    for module in (
        analysis_service_pb2,
        experiment_service_pb2,
        observation_service_pb2,
        run_service_pb2,
        suggestion_service_pb2,
    )
    for name in module.DESCRIPTOR.services_by_name
]

POINT = {"d": 0.5, "i": 3, "c": "red", "b": True}
NOTES = {"text": "rye", "number": 2.5}


def a_value(**kind):
    return search_space_pb2.ParameterValue(**kind)


ASSIGNMENTS = {
    "d": a_value(double_value=0.5),
    "i": a_value(int_value=3),
    "c": a_value(string_value="red"),
    "b": a_value(bool_value=True),
}
METADATA = {
    "text": experiment_pb2.MetadataValue(string_value="rye"),
    "number": experiment_pb2.MetadataValue(number_value=2.5),
}
VALUES = [observation_pb2.MetricValue(name="m", value=1.5, value_stddev=0.25)]
SECOND = Duration(seconds=1, nanos=500_000_000)

DEFINITION = a_definition(
    request_id="r1",
    project="bakery",
    type=experiment_pb2.EXPERIMENT_TYPE_RANDOM,
    parameters=[
        search_space_pb2.Parameter(
            name="d",
            type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
            bounds=search_space_pb2.Bounds(min=1, max=2),
            default_value=a_value(double_value=1.5),
        ),
        search_space_pb2.Parameter(
            name="e",
            type=search_space_pb2.PARAMETER_TYPE_INT,
            bounds=search_space_pb2.Bounds(min=1, max=2),
        ),
        search_space_pb2.Parameter(
            name="g",
            type=search_space_pb2.PARAMETER_TYPE_INT,
            grid=[1, 10, 100],
            transformation=search_space_pb2.PARAMETER_TRANSFORMATION_LOG,
        ),
        search_space_pb2.Parameter(
            name="c",
            type=search_space_pb2.PARAMETER_TYPE_CATEGORICAL,
            categorical_values=["red", "green"],
            ordered=True,
        ),
        search_space_pb2.Parameter(name="b", type=search_space_pb2.PARAMETER_TYPE_BOOL),
        search_space_pb2.Parameter(
            name="p",
            type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
            bounds=search_space_pb2.Bounds(min=0, max=1),
            prior=search_space_pb2.ParameterPrior(
                normal=search_space_pb2.NormalPrior(mean=0.5, scale=0.1)
            ),
        ),
        search_space_pb2.Parameter(
            name="q",
            type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
            bounds=search_space_pb2.Bounds(min=0, max=1),
            prior=search_space_pb2.ParameterPrior(
                beta=search_space_pb2.BetaPrior(shape_a=2, shape_b=5)
            ),
        ),
        search_space_pb2.Parameter(
            name="f",
            type=search_space_pb2.PARAMETER_TYPE_BOOL,
            conditions=[search_space_pb2.ParameterCondition(name="kind", values=["x", "z"])],
        ),
    ],
    metrics=[
        experiment_pb2.Metric(
            name="m",
            objective=experiment_pb2.METRIC_OBJECTIVE_MINIMIZE,
            strategy=experiment_pb2.METRIC_STRATEGY_CONSTRAINT,
            threshold=0.5,
        ),
        experiment_pb2.Metric(name="n"),
    ],
    linear_constraints=[
        search_space_pb2.LinearConstraint(
            type=search_space_pb2.LINEAR_CONSTRAINT_TYPE_LESS_THAN,
            terms=[
                search_space_pb2.LinearConstraintTerm(name="d", weight=2),
                search_space_pb2.LinearConstraintTerm(name="e", weight=-1),
            ],
            threshold=4,
        )
    ],
    budget=10,
    parallel_bandwidth=2,
    engine=experiment_pb2.EXPERIMENT_ENGINE_AUTO,
    num_solutions=1,
    conditionals=[search_space_pb2.Conditional(name="kind", values=["x", "y", "z"])],
    metadata=METADATA,
    tags=["rye", "sour"],
)


# Refused with what else it says, but converted.
OF_AX = experiment_service_pb2.CreateExperimentRequest()
OF_AX.CopyFrom(DEFINITION)
OF_AX.engine = experiment_pb2.EXPERIMENT_ENGINE_AX

REQUESTS = {
    "CreateExperiment": (OF_AX, experiments.draft_from_proto),
    "CreateExperiment with tasks": (
        a_definition(
            tasks=[task_pb2.Task(name="full", cost=1), task_pb2.Task(name="half", cost=0.5)]
        ),
        experiments.draft_from_proto,
    ),
    "UpdateExperiment": (
        experiment_service_pb2.UpdateExperimentRequest(
            name="rolls",
            project="bakery",
            budget=5,
            parallel_bandwidth=2,
            metadata=METADATA,
            tags=["rye"],
            metrics=DEFINITION.metrics,
            parameters=DEFINITION.parameters,
        ),
        experiments.change_from_proto,
    ),
    "ListExperiments": (
        experiment_service_pb2.ListExperimentsRequest(
            project="bakery", state=experiment_pb2.EXPERIMENT_STATE_ARCHIVED, name_contains="rye"
        ),
        lambda request: experiments.filter_from_proto(request, LIMITS, Violations()),
    ),
    "CreateSuggestion": (
        suggestion_service_pb2.CreateSuggestionRequest(
            experiment_id="exp_1", worker_id="w1", lease_duration=SECOND, max_wait=SECOND
        ),
        suggestions.ask_from_proto,
    ),
    "StreamSuggestions": (
        suggestion_service_pb2.StreamSuggestionsRequest(
            experiment_id="exp_1", worker_id="w1", max_outstanding=2, max_wait=SECOND
        ),
        suggestions.stream_ask_from_proto,
    ),
    "ListSuggestions": (
        suggestion_service_pb2.ListSuggestionsRequest(
            state=suggestion_pb2.SUGGESTION_STATE_WAITING
        ),
        lambda request: suggestions.state_from_proto(request.state, Violations()),
    ),
    "RenewLeases": (
        suggestion_service_pb2.RenewLeasesRequest(
            hand_outs=[suggestion_service_pb2.HandOut(suggestion_id="sug_1", attempt=2)]
        ),
        lambda request: [suggestions.hand_out_from_proto(each) for each in request.hand_outs],
    ),
    "CreateObservation": (
        observation_service_pb2.CreateObservationRequest(
            suggestion_id="sug_1",
            assignments=ASSIGNMENTS,
            values=VALUES,
            failed=True,
            metadata=METADATA,
            task="full",
        ),
        observations.draft_from_proto,
    ),
    "BatchCreateObservations": (
        observation_service_pb2.BatchCreateObservationsRequest(
            observations=[
                observation_service_pb2.NewObservation(
                    suggestion_id="sug_1",
                    assignments=ASSIGNMENTS,
                    values=VALUES,
                    failed=True,
                    metadata=METADATA,
                    task="full",
                )
            ]
        ),
        lambda request: [observations.draft_from_proto(each) for each in request.observations],
    ),
    "UpdateObservation": (
        observation_service_pb2.UpdateObservationRequest(
            values=VALUES, failed=True, metadata=METADATA
        ),
        observations.change_from_proto,
    ),
    "CreateRun": (
        run_service_pb2.CreateRunRequest(
            experiment_id="exp_1",
            name="night",
            worker_id="w1",
            lease_duration=SECOND,
            max_wait=SECOND,
            metadata=METADATA,
        ),
        runs.new_run_from_proto,
    ),
    "ListRuns": (
        run_service_pb2.ListRunsRequest(state=run_pb2.RUN_STATE_LAPSED),
        lambda request: runs.state_from_proto(request.state, Violations()),
    ),
    "ListBestAssignments": (
        analysis_service_pb2.ListBestAssignmentsRequest(ranking=analysis_service_pb2.RANKING_MODEL),
        lambda request: analysis.ranking_from_proto(request.ranking, Violations()),
    ),
    "LogMetrics": (
        run_service_pb2.LogMetricsRequest(values=VALUES),
        lambda request: values_from_proto(request.values),
    ),
}

BY_HAND = {
    "experiment_id",
    "suggestion_id",
    "observation_id",
    "run_id",
    "request_id",
    "page_size",
    "page_token",
    "update_mask",
    # BatchCreateObservations.
    "validate_only",
    # QueueSuggestion, ReleaseSuggestion and RenewLeases.
    "assignments",
    "task",
    "attempt",
    "lease_duration",
    "worker_id",
}
"""Fields that servicers read themselves; the tests of what they do hold them."""

FULL = Task("full", 1.0)
SUGGESTION = Suggestion(
    suggestion_id="sug_1",
    experiment_id="exp_1",
    assignments=POINT,
    provenance=Provenance(
        Generator.MODEL,
        "Ax",
        seed=7,
        observation_count=3,
        pending_count=2,
        fallback_reason="too few",
        predictions={"m": Prediction(1.0, 0.5)},
        acquisition_value=0.25,
    ),
    state=SuggestionState.LEASED,
    attempt=2,
    lease=Lease("w1", NOW, LATER),
    created=NOW,
    task=FULL,
)
OBSERVATION = Observation(
    observation_id="obs_1",
    experiment_id="exp_1",
    suggestion_id="sug_1",
    run_id="run_1",
    assignments=POINT,
    values={"m": Measurement(1.5, 0.25)},
    failed=True,
    outside=True,
    metadata=NOTES,
    seconds=3.0,
    created=NOW,
    updated=LATER,
    task=FULL,
)
RUN = Run(
    run_id="run_1",
    experiment_id="exp_1",
    suggestion_id="sug_1",
    attempt=2,
    name="night",
    assignments=POINT,
    values={"n": Measurement(2.0), "m": Measurement(1.5, 0.25)},
    state=RunState.COMPLETED,
    observation_id="obs_1",
    metadata=NOTES,
    created=NOW,
    ended=LATER,
    task=FULL,
)
PROGRESS = Progress(
    observations=5,
    failed=1,
    repeated=1,
    leased_suggestions=1,
    open_suggestions=2,
    queued_suggestions=3,
    active_runs=1,
    budget=4,
)


def an_experiment():
    return define(experiments.draft_from_proto(DEFINITION), LIMITS, "exp_1", NOW)


def nouns():
    """Return the message of each noun, with every field set."""
    return [
        experiments.experiment_to_proto(Detail(an_experiment(), PROGRESS)),
        experiments.experiment_to_proto(Detail(replace(an_experiment(), tasks=(FULL,)), PROGRESS)),
        suggestions.suggestion_to_proto(SUGGESTION),
        observations.observation_to_proto(OBSERVATION),
        runs.run_to_proto(RUN),
        suggestions.renewal_to_proto(
            Renewal(
                (suggestions.hand_out_from_proto(A_HAND_OUT),),
                (suggestions.hand_out_from_proto(A_HAND_OUT),),
            )
        ),
        analysis.stopping_to_proto((StoppingReason.BUDGET_REACHED,)),
        analysis.advice_to_proto((FieldViolation("budget", "is small"),)),
        analysis.importances_to_proto({"m": {"d": 1.0}}),
        analysis.best_to_proto(Best(OBSERVATION, {"m": Prediction(1.5, 0.25)})),
    ]


A_HAND_OUT = suggestion_service_pb2.HandOut(suggestion_id="sug_1", attempt=2)


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_many(value):
    return isinstance(value, MutableSequence | MutableMapping)


def is_ours(descriptor):
    return descriptor is not None and descriptor.full_name.startswith("nextpoint.")


def messages_in(field, value):
    """Return the messages of the contract that a field holds."""
    if is_map(field):
        of_map = field.message_type.fields_by_name["value"].message_type
        return list(value.values()) if is_ours(of_map) else []
    if not is_ours(field.message_type):
        return []
    return list(value) if is_many(value) else [value]


def fields_set(message):
    """Return every field that is set, here and below."""
    found = set()
    for field, value in message.ListFields():
        found.add(field.full_name)
        for each in messages_in(field, value):
            found |= fields_set(each)
    return found


def fields_of(descriptor):
    """Return every field that could be set, here and below."""
    found = set()
    for field in descriptor.fields:
        found.add(field.full_name)
        below = field.message_type
        if is_map(field):
            below = below.fields_by_name["value"].message_type
        if is_ours(below):
            found |= fields_of(below)
    return found


def cleared(message):
    """Yield the path of each field that is set, and a function that clears it in a copy."""
    for field, value in message.ListFields():
        yield field.name, lambda copy, name=field.name: copy.ClearField(name)
        keys = list(value) if is_map(field) else range(len(value)) if is_many(value) else [None]
        for key, each in zip(keys, messages_in(field, value), strict=False):
            for path, clear in cleared(each):
                yield (
                    f"{field.name}[{key}].{path}",
                    lambda copy, name=field.name, key=key, clear=clear: clear(
                        part(getattr(copy, name), key)
                    ),
                )


def part(value, key):
    return value if key is None else value[key]


def rpcs():
    return [method for service in SERVICES for method in service.methods]


@pytest.mark.parametrize("name", REQUESTS)
def test_every_field_of_a_request_counts(name):
    request, convert = REQUESTS[name]
    base = convert(request)

    for path, clear in cleared(request):
        copy = type(request)()
        copy.CopyFrom(request)
        clear(copy)
        if path.rsplit(".", 1)[-1] not in BY_HAND or path in ("assignments", "task"):
            assert convert(copy) != base, path


@pytest.mark.parametrize("name", ["CreateSuggestion", "CreateRun", "StreamSuggestions"])
def test_to_wait_no_time_is_a_wish(name):
    request, convert = REQUESTS[name]
    copy = type(request)()
    copy.CopyFrom(request)
    copy.max_wait.CopyFrom(Duration())

    converted = convert(copy)

    ask = converted.ask if name == "CreateRun" else converted
    assert ask.max_wait_seconds == 0


def test_no_field_of_a_request_is_left_out_of_these_tests():
    tested = set().union(*(fields_set(request) for request, _ in REQUESTS.values()))

    for method in rpcs():
        for field in fields_of(method.input_type):
            assert field in tested or field.rsplit(".", 1)[-1] in BY_HAND, field


def test_every_field_of_a_response_is_filled():
    filled = set().union(*(fields_set(each) for each in nouns()))
    of_nouns = set().union(*(fields_of(type(each).DESCRIPTOR) for each in nouns()))

    assert filled == of_nouns


def test_no_noun_of_a_response_is_left_out_of_these_tests():
    of_nouns = {type(each).DESCRIPTOR.full_name for each in nouns()}
    events = {
        "nextpoint.v1.StreamOpened",
        "nextpoint.v1.StreamHeartbeat",
        "nextpoint.v1.StreamClosed",
        "nextpoint.v1.SuggestionAssigned",
    }

    for method in rpcs():
        held = {
            field.message_type.full_name
            for field in method.output_type.fields
            if is_ours(field.message_type)
        }
        assert method.output_type.full_name in of_nouns or held <= of_nouns | events, method.name


def draft(**fields):
    return experiments.draft_from_proto(a_definition(**fields))


def parameter(**fields):
    return draft(parameters=[search_space_pb2.Parameter(**fields)]).parameters[0]


def listed(state):
    request = experiment_service_pb2.ListExperimentsRequest(state=state)
    return experiments.filter_from_proto(request, LIMITS, Violations()).state


ENUMS = {
    experiment_pb2.ExperimentType: (0, lambda value: draft(type=value).type),
    experiment_pb2.MetricObjective: (
        0,
        lambda value: draft(metrics=[experiment_pb2.Metric(objective=value)]).metrics[0].objective,
    ),
    experiment_pb2.MetricStrategy: (
        0,
        lambda value: draft(metrics=[experiment_pb2.Metric(strategy=value)]).metrics[0].strategy,
    ),
    search_space_pb2.ParameterType: (1, lambda value: parameter(type=value).type),
    search_space_pb2.ParameterTransformation: (
        0,
        lambda value: parameter(transformation=value).log,
    ),
    search_space_pb2.LinearConstraintType: (
        1,
        lambda value: (
            draft(linear_constraints=[search_space_pb2.LinearConstraint(type=value)])
            .constraints[0]
            .comparison
        ),
    ),
    experiment_pb2.ExperimentState: (1, listed),
    suggestion_pb2.SuggestionState: (
        1,
        lambda value: suggestions.state_from_proto(value, Violations()),
    ),
    run_pb2.RunState: (1, lambda value: runs.state_from_proto(value, Violations())),
}


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.DESCRIPTOR.name)
def test_every_value_of_an_enum_is_known_in_a_request_and_no_other(enum):
    first, convert = ENUMS[enum]

    for value in enum.values():
        assert (convert(value) is not None) == (value >= first), enum.Name(value)
    assert convert(99) is None


SAID = {
    suggestion_pb2.SuggestionState: [
        suggestions.suggestion_to_proto(replace(SUGGESTION, state=each)).state
        for each in SuggestionState
    ],
    suggestion_pb2.Generator: [
        suggestions.suggestion_to_proto(
            replace(SUGGESTION, provenance=Provenance(each, ""))
        ).provenance.generator
        for each in Generator
    ],
    run_pb2.RunState: [runs.run_to_proto(replace(RUN, state=each)).state for each in RunState],
    suggestion_service_pb2.StreamClosedReason: [ENDINGS[each] for each in Ending],
}


@pytest.mark.parametrize("enum", SAID, ids=lambda enum: enum.DESCRIPTOR.name)
def test_every_value_of_an_enum_but_the_unspecified_is_sent(enum):
    assert sorted(SAID[enum]) == sorted(set(enum.values()) - {0})


async def test_a_definition_comes_back_as_it_was_written(api):
    created = (await api.experiments.CreateExperiment(DEFINITION)).experiment

    request = experiment_service_pb2.GetExperimentRequest(experiment_id=created.experiment_id)
    read = (await api.experiments.GetExperiment(request)).experiment

    assert read == created
    same = ("name", "project", "type", "linear_constraints", "budget", "metadata", "tags")
    for name in (*same, "parallel_bandwidth", "num_solutions", "engine", "conditionals"):
        assert getattr(read, name) == getattr(DEFINITION, name), name
    written = changed(DEFINITION)
    written.parameters[2].bounds.CopyFrom(search_space_pb2.Bounds(min=1, max=100))
    written.metrics[1].objective = experiment_pb2.METRIC_OBJECTIVE_MAXIMIZE
    written.metrics[1].strategy = experiment_pb2.METRIC_STRATEGY_OPTIMIZE
    assert read.parameters == written.parameters
    assert read.metrics == written.metrics


async def test_values_of_every_type_come_back_as_they_were_written(api):
    space = [
        search_space_pb2.Parameter(
            name="d",
            type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
            bounds=search_space_pb2.Bounds(min=0, max=1),
        ),
        search_space_pb2.Parameter(
            name="i",
            type=search_space_pb2.PARAMETER_TYPE_INT,
            bounds=search_space_pb2.Bounds(min=0, max=2**53),
        ),
        *DEFINITION.parameters[3:5],
    ]
    experiment = await api.define(parameters=space)
    point = {**ASSIGNMENTS, "d": a_value(double_value=1.0), "i": a_value(int_value=2**53)}

    queued = await api.suggestions.QueueSuggestion(
        suggestion_service_pb2.QueueSuggestionRequest(
            experiment_id=experiment.experiment_id, assignments=point
        )
    )

    assert dict(queued.suggestion.assignments) == point
