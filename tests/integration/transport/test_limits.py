"""Each limit that the contract names: what is at it is taken, what is beyond is refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from tests.support.grpc_service import a_definition, at, changed, metric, refusal

from nextpoint.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    observation_service_pb2,
    run_service_pb2,
    search_space_pb2,
    suggestion_service_pb2,
    task_pb2,
)
from nextpoint_service.domain.limits import Limits
from nextpoint_service.settings import Settings

PROTOS = Path(__file__).parents[3] / "protos/nextpoint/v1"
DEFAULTS = Limits()


@dataclass
class Limit:
    """A field, what it may just be, what it may not be any more, and the path of the fault."""

    field: str
    within: list[Any]
    beyond: list[Any]
    path: str

    def __str__(self) -> str:
        return self.path


def notes(count):
    return {str(number): experiment_pb2.MetadataValue(number_value=1) for number in range(count)}


def note(key="k", text="t"):
    return {key: experiment_pb2.MetadataValue(string_value=text)}


def double(name="x", low=0.0, high=1.0, **fields):
    bounds = {} if "grid" in fields else {"bounds": search_space_pb2.Bounds(min=low, max=high)}
    return search_space_pb2.Parameter(
        name=name, type=search_space_pb2.PARAMETER_TYPE_DOUBLE, **bounds, **fields
    )


def doubles(count):
    return [double(f"p{number}") for number in range(count)]


def switches(count):
    return [
        search_space_pb2.Conditional(name=f"s{number}", values=["a", "b"])
        for number in range(count)
    ]


def whole(low, high):
    parameter = double(low=low, high=high)
    parameter.type = search_space_pb2.PARAMETER_TYPE_INT
    return [parameter]


def tasks(count, *, least=0.01, name="cheapest"):
    costs = [least, *(number / count for number in range(2, count + 1))]
    return [
        task_pb2.Task(name=str(index) if index else name, cost=cost)
        for index, cost in enumerate(costs[:count])
    ]


def believed(shape):
    prior = search_space_pb2.ParameterPrior(
        beta=search_space_pb2.BetaPrior(shape_a=1, shape_b=shape)
    )
    return [double(prior=prior)]


def categorical(*values):
    return [
        search_space_pb2.Parameter(
            name="c", type=search_space_pb2.PARAMETER_TYPE_CATEGORICAL, categorical_values=values
        )
    ]


def metrics(count):
    return [experiment_pb2.Metric(name=f"m{n}", strategy=1 + 2 * (n > 0)) for n in range(count)]


def constraint(terms=2):
    return search_space_pb2.LinearConstraint(
        type=search_space_pb2.LINEAR_CONSTRAINT_TYPE_LESS_THAN,
        terms=[
            search_space_pb2.LinearConstraintTerm(name=f"p{number}", weight=1)
            for number in range(terms)
        ],
        threshold=50,
    )


def seconds(value):
    duration = Duration()
    duration.FromNanoseconds(round(value * 1e9))
    return duration


NO_DURATIONS = [Duration(seconds=5, nanos=-5), Duration(seconds=5, nanos=10**9)]
REQUEST_ID = Limit("request_id", ["r" * 64, " ~!"], ["r" * 65, "ö", "a\n"], "request_id")
WORKER = Limit("worker_id", ["w", "ö" * 100], ["w" * 101, " w", "w\x00"], "worker_id")
NAME = Limit("name", ["n", "ö" * 100], ["n" * 101, " n", "n ", "\t"], "name")
LEASE = Limit(
    "lease_duration",
    [seconds(1), seconds(30 * 86400)],
    [seconds(0.999), seconds(30 * 86400 + 1), seconds(-1), *NO_DURATIONS],
    "lease_duration",
)
WAIT = Limit(
    "max_wait",
    [seconds(0), seconds(3600)],
    [seconds(-0.001), seconds(3600.001), *NO_DURATIONS],
    "max_wait",
)
ENTRIES = Limit("metadata", [notes(100)], [notes(101)], "metadata")
TEXT = Limit("metadata", [note(text="ö" * 500)], [note(text="x" * 501)], "metadata['k']")
KEY = Limit("metadata", [note("k" * 100)], [note("k" * 101)], f"metadata['{'k' * 101}']")

OF_A_DEFINITION = [
    REQUEST_ID,
    NAME,
    ENTRIES,
    TEXT,
    KEY,
    Limit("project", ["p", "az09-_." + "p" * 25], ["p" * 33, "P", "ö", "p q"], "project"),
    Limit("parameters", [doubles(1), doubles(100)], [[], doubles(101)], "parameters"),
    Limit("parameters", [[double("n" * 100)]], [[double("n" * 101)]], "parameters[0].name"),
    Limit("metrics", [metrics(1), metrics(50)], [[], metrics(51)], "metrics"),
    Limit(
        "metrics",
        [[experiment_pb2.Metric(name="m" * 100)]],
        [[experiment_pb2.Metric(name="m" * 101)]],
        "metrics[0].name",
    ),
    Limit("budget", [1, 100_000], [0, -1, 100_001], "budget"),
    Limit("parallel_bandwidth", [1, 1000], [0, 1001], "parallel_bandwidth"),
    Limit("num_solutions", [1], [0, -1, 101], "num_solutions"),
    Limit("conditionals", [switches(1), switches(20)], [switches(21)], "conditionals"),
    Limit("tags", [[str(n) for n in range(100)]], [[str(n) for n in range(101)]], "tags"),
    Limit("tags", [["t" * 100]], [["t" * 101]], "tags[0]"),
    Limit(
        "parameters",
        [categorical("a", "b"), categorical(*map(str, range(1000)))],
        [categorical("a"), categorical(*map(str, range(1001)))],
        "parameters[0].categorical_values",
    ),
    Limit(
        "parameters",
        [categorical("a", "b" * 100)],
        [categorical("a", "b" * 101)],
        "parameters[0].categorical_values[1]",
    ),
    Limit(
        "parameters",
        [[double(grid=range(2))], [double(grid=range(10_000))]],
        [[double(grid=[1])], [double(grid=range(10_001))]],
        "parameters[0].grid",
    ),
    Limit("parameters", [whole(-(2**53), 0)], [whole(-(2**53) - 2, 0)], "parameters[0].bounds.min"),
    Limit("parameters", [whole(0, 2**53)], [whole(0, 2**53 + 2)], "parameters[0].bounds.max"),
    Limit(
        "parameters",
        [[double(low=0, high=1e-8)]],
        [[double(low=0, high=0.9e-8)]],
        "parameters[0].bounds.max",
    ),
    Limit("parameters", [believed(1e6)], [believed(1.01e6)], "parameters[0].prior.beta.shape_b"),
]


def ids(limits):
    return [f"{each.path[:40]} {number}" for number, each in enumerate(limits)]


async def holds(limit, request, stub):
    """Check that the field is taken within the limit, and refused beyond it."""
    for value in limit.beyond:
        refused = await refusal(stub(changed(request, **{limit.field: value})))
        assert limit.path in refused.fields, refused
    for value in limit.within:
        await stub(changed(request, **{limit.field: value}))


@pytest.mark.parametrize("limit", OF_A_DEFINITION, ids=ids(OF_A_DEFINITION))
async def test_a_definition(api, limit):
    await holds(limit, a_definition(), api.experiments.CreateExperiment)


@pytest.mark.parametrize(
    ("field", "within", "beyond", "path"),
    [
        (
            "linear_constraints",
            [[constraint()] * 100],
            [[constraint()] * 101],
            "linear_constraints",
        ),
        (
            "linear_constraints",
            [[constraint(2)], [constraint(100)]],
            [[constraint(1)], [constraint(101)]],
            "linear_constraints[0].terms",
        ),
    ],
)
async def test_constraints(api, field, within, beyond, path):
    request = a_definition(parameters=doubles(100))

    await holds(Limit(field, within, beyond, path), request, api.experiments.CreateExperiment)


@pytest.mark.parametrize("limit", [REQUEST_ID, WORKER, LEASE, WAIT], ids=str)
async def test_a_call_for_a_suggestion(api, limit):
    request = suggestion_service_pb2.CreateSuggestionRequest(
        experiment_id=(await api.define()).experiment_id
    )

    await holds(limit, request, api.suggestions.CreateSuggestion)


@pytest.mark.parametrize(
    ("within", "beyond", "path"),
    [
        ([[], tasks(2), tasks(20)], [tasks(1), tasks(21)], "tasks"),
        ([tasks(2, least=1e-6)], [tasks(2, least=9e-7), tasks(2, least=0)], "tasks[0].cost"),
        ([tasks(2, name="n" * 100)], [tasks(2, name="n" * 101)], "tasks[0].name"),
    ],
)
async def test_tasks(api, within, beyond, path):
    limit = Limit("tasks", within, beyond, path)

    await holds(limit, a_definition(budget=5), api.experiments.CreateExperiment)


OF_A_RUN = [REQUEST_ID, NAME, WORKER, LEASE, WAIT, ENTRIES, KEY, TEXT]


@pytest.mark.parametrize("limit", OF_A_RUN, ids=ids(OF_A_RUN))
async def test_a_run(api, limit):
    request = run_service_pb2.CreateRunRequest(experiment_id=(await api.define()).experiment_id)

    await holds(limit, request, api.runs.CreateRun)


@pytest.mark.parametrize("limit", [REQUEST_ID, ENTRIES, KEY, TEXT], ids=range(4))
async def test_an_observation(api, limit):
    request = observation_service_pb2.CreateObservationRequest(
        experiment_id=(await api.define()).experiment_id, assignments=at(0.5), values=[metric(1)]
    )

    await holds(limit, request, api.observations.CreateObservation)


async def test_a_batch_of_observations(api):
    request = observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=(await api.define()).experiment_id
    )
    outcome = observation_service_pb2.NewObservation(assignments=at(0.5), values=[metric(1)])
    limit = Limit(
        "observations", [[outcome], [outcome] * 2500], [[], [outcome] * 2501], "observations"
    )

    await holds(limit, request, api.observations.BatchCreateObservations)


async def test_renewals(api):
    request = suggestion_service_pb2.RenewLeasesRequest()
    hand_out = suggestion_service_pb2.HandOut(suggestion_id="sug_1", attempt=1)
    limit = Limit(
        "hand_outs", [[hand_out], [hand_out] * 1000], [[], [hand_out] * 1001], "hand_outs"
    )

    await holds(limit, request, api.suggestions.RenewLeases)
    request.hand_outs.append(hand_out)
    await holds(LEASE, request, api.suggestions.RenewLeases)


async def test_the_values_of_a_run(api):
    request = run_service_pb2.CreateRunRequest(experiment_id=(await api.define()).experiment_id)
    run = (await api.runs.CreateRun(request)).run.run_id
    values = [metric(1, f"m{number}") for number in range(101)]
    limit = Limit("values", [values[:1], values[:100]], [[], values], "values")

    await holds(limit, run_service_pb2.LogMetricsRequest(run_id=run), api.runs.LogMetrics)

    one_more = run_service_pb2.LogMetricsRequest(run_id=run, values=values[100:])
    assert (await refusal(api.runs.LogMetrics(one_more))).fields == ["values"]
    twice = run_service_pb2.LogMetricsRequest(run_id=run, values=values[:1] * 2)
    assert (await refusal(api.runs.LogMetrics(twice))).fields == ["values[1].name"]


@pytest.mark.parametrize("name", ["Archive", "Unarchive", "Update"])
async def test_the_request_ids_of_changes(api, name):
    experiment = (await api.define()).experiment_id
    stub = getattr(api.experiments, f"{name}Experiment")
    request = getattr(experiment_service_pb2, f"{name}ExperimentRequest")(experiment_id=experiment)
    if name == "Update":
        request.name = "rolls"

    await holds(REQUEST_ID, request, stub)


def prose(file):
    text = (PROTOS / f"{file}.proto").read_text()
    return " ".join(text.replace("//", " ").split())


SAID = [
    ("suggestion_service", "above {} queued ones", DEFAULTS.queued_suggestions),
    ("suggestion_service", "What the caller holds, 1 to {}.", DEFAULTS.renewals),
    ("suggestion_service", "hold at the same time, 1 to {}.", DEFAULTS.max_outstanding),
    ("suggestion_service", "the service's default, {} seconds", Settings().lease_seconds),
    ("suggestion_service", "from {} second to", DEFAULTS.lease_seconds_min),
    ("suggestion_service", "second to {} days", DEFAULTS.lease_seconds_max / 86400),
    ("suggestion_service", "from 0 to {} hour", DEFAULTS.max_wait_seconds / 3600),
    ("suggestion_service", "Who evaluates it: 1 to {} characters", DEFAULTS.name_characters),
    ("suggestion_service", "0 means {};", DEFAULTS.default_page_size),
    ("suggestion_service", "more than {0} means {0};", DEFAULTS.page_size),
    ("observation_service", "above {} in one experiment", DEFAULTS.observations),
    ("observation_service", "Reports up to {} outcomes", DEFAULTS.batch_observations),
    ("observation_service", "The outcomes, 1 to {}.", DEFAULTS.batch_observations),
    ("run_service", "The values to set, 1 to {}, each", DEFAULTS.run_metrics),
    ("experiment_service", "The dimensions of the search space, 1 to {}.", DEFAULTS.parameters),
    ("experiment_service", "What is measured, 1 to {},", DEFAULTS.metrics),
    ("experiment_service", "has to satisfy, at most {}.", DEFAULTS.linear_constraints),
    ("experiment_service", "the experiment is for, 1 to {}.", DEFAULTS.budget),
    ("experiment_service", "at the same time, 1 to {}.", DEFAULTS.parallel_bandwidth),
    ("experiment_service", "best is looked for, 1 to {};", DEFAULTS.num_solutions),
    ("experiment_service", "which parameters there are; at most {}.", DEFAULTS.conditionals),
    ("experiment_service", "at most {} combinations", DEFAULTS.conditional_combinations),
    ("experiment_service", "none, or 2 to {} of different", DEFAULTS.tasks),
    ("experiment_service", "at most {} entries", DEFAULTS.metadata_entries),
    ("experiment_service", "What people call it: 1 to {} characters", DEFAULTS.name_characters),
    ("experiment_service", "within {} hours", Settings().request_id_seconds / 3600),
    ("experiment", "A text of at most {} characters", DEFAULTS.metadata_characters),
    ("search_space", "2 to {} different strings", DEFAULTS.categorical_values),
    ("search_space", "2 to {} different values", DEFAULTS.grid_values),
    ("search_space", "2 to {}, each of another parameter", DEFAULTS.constraint_terms),
]


@pytest.mark.parametrize(("file", "phrase", "limit"), SAID, ids=[phrase for _, phrase, _ in SAID])
def test_the_contract_says_the_number_that_the_service_holds(file, phrase, limit):
    assert phrase.format(int(limit)) in prose(file)
