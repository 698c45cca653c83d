import pytest
from tests.unit.client.conftest import a_get_experiment, an_experiment

import nextpoint
from nextpoint.v1 import experiment_pb2, experiment_service_pb2, search_space_pb2


@pytest.fixture
def created(service, client):
    """Return a function that creates an experiment and returns what the service was asked."""
    answer = experiment_service_pb2.CreateExperimentResponse(experiment=an_experiment())
    service.script("CreateExperiment", answer)

    def create(**definition):
        defaults = {"name": "forest", "parameters": [], "metrics": []}
        client.create_experiment(**{**defaults, **definition})
        return service.requests("CreateExperiment")[-1]

    return create


SAME_PARAMETERS = [
    (
        {"name": "a", "type": "double", "bounds": {"min": 0, "max": 2}, "default_value": 1},
        nextpoint.Double("a", 0, 2, default_value=1.0),
    ),
    (
        {"name": "a", "type": "int", "grid": [0, 2], "default_value": 0},
        nextpoint.Int("a", grid=[0, 2], default_value=0),
    ),
    (
        {
            "name": "a",
            "type": "categorical",
            "categorical_values": ["x", "y"],
            "default_value": "x",
        },
        nextpoint.Categorical("a", ["x", "y"], default_value="x"),
    ),
    (
        {"name": "a", "type": "bool", "default_value": False},
        nextpoint.Bool("a", default_value=False),
    ),
    (
        {
            "name": "a",
            "type": "double",
            "bounds": {"min": 0, "max": 2},
            "conditions": {"kind": ["x", "y"], "size": "l"},
        },
        nextpoint.Double("a", 0, 2, conditions={"kind": ["x", "y"], "size": ["l"]}),
    ),
    (
        {"name": "a", "type": "int", "grid": [0, 2], "conditions": {"kind": ["x"]}},
        nextpoint.Int("a", grid=[0, 2], conditions={"kind": "x"}),
    ),
    (
        {
            "name": "a",
            "type": "categorical",
            "categorical_values": ["x", "y"],
            "conditions": {"kind": "x"},
        },
        nextpoint.Categorical("a", ["x", "y"], conditions={"kind": "x"}),
    ),
    (
        {"name": "a", "type": "bool", "conditions": {"kind": ["x"]}},
        nextpoint.Bool("a", conditions={"kind": ["x"]}),
    ),
    (
        {"name": "a", "type": "double", "bounds": {"min": 0.1, "max": 2}},
        nextpoint.Double("a", 0.1, 2),
    ),
    (
        {
            "name": "a",
            "type": "double",
            "bounds": {"min": 0.1, "max": 2},
            "transformation": "log",
        },
        nextpoint.Double("a", 0.1, 2, log=True),
    ),
    (
        {"name": "a", "type": "double", "grid": [1, 2.5]},
        nextpoint.Double("a", grid=[1, 2.5]),
    ),
    (
        {
            "name": "a",
            "type": "double",
            "bounds": {"min": 0, "max": 1},
            "prior": {"name": "normal", "mean": 0.5, "scale": 0.1},
        },
        nextpoint.Double("a", 0, 1, prior=nextpoint.NormalPrior(0.5, 0.1)),
    ),
    (
        {
            "name": "a",
            "type": "double",
            "bounds": {"min": 0, "max": 1},
            "prior": {"name": "beta", "shape_a": 2, "shape_b": 5},
        },
        nextpoint.Double("a", 0, 1, prior=nextpoint.BetaPrior(2, 5)),
    ),
    ({"name": "a", "type": "int", "bounds": {"min": 1, "max": 4}}, nextpoint.Int("a", 1, 4)),
    ({"name": "a", "type": "int", "grid": [1, 4]}, nextpoint.Int("a", grid=[1, 4])),
    (
        {"name": "a", "type": "categorical", "categorical_values": ["x", "y"]},
        nextpoint.Categorical("a", ["x", "y"]),
    ),
    (
        {"name": "a", "type": "categorical", "categorical_values": ["x", "y"], "ordered": True},
        nextpoint.Categorical("a", ["x", "y"], ordered=True),
    ),
    (
        {"name": "a", "type": "categorical", "categorical_values": [{"name": "x"}, "y"]},
        nextpoint.Categorical("a", ["x", "y"]),
    ),
    (
        {
            "name": "a",
            "type": "double",
            "bounds": {"min": 0, "max": 1},
            "transformation": "none",
            "prior": None,
            "grid": None,
            "categorical_values": None,
        },
        nextpoint.Double("a", 0, 1),
    ),
    ({"name": "a", "type": "bool"}, nextpoint.Bool("a")),
]


@pytest.mark.parametrize(("as_dict", "as_value"), SAME_PARAMETERS)
def test_a_parameter_means_the_same_as_a_dict_and_as_a_value(created, as_dict, as_value):
    request = created(parameters=[as_dict, as_value])

    assert request.parameters[0] == request.parameters[1]
    assert request.parameters[0].name == "a"


def test_a_parameter_reaches_the_service_as_it_was_written(created):
    request = created(parameters=[nextpoint.Double("lr", 1e-5, 1e-1, log=True)])

    assert request.parameters[0] == search_space_pb2.Parameter(
        name="lr",
        type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
        bounds=search_space_pb2.Bounds(min=1e-5, max=1e-1),
        transformation=search_space_pb2.PARAMETER_TRANSFORMATION_LOG,
    )


def test_a_missing_bound_is_left_to_the_service_to_refuse(created):
    request = created(parameters=[nextpoint.Int("n", 1)])

    assert request.parameters[0].bounds.HasField("min")
    assert not request.parameters[0].bounds.HasField("max")


def test_a_metric_means_the_same_as_a_dict_and_as_a_value(created):
    request = created(
        metrics=[
            {"name": "m", "objective": "minimize", "strategy": "constraint", "threshold": 1},
            nextpoint.Metric("m", objective="minimize", strategy="constraint", threshold=1),
        ]
    )

    assert request.metrics[0] == request.metrics[1]
    assert request.metrics[0].threshold == 1


def test_a_metric_can_be_just_a_name(created):
    request = created(metrics=["accuracy"])

    assert request.metrics[0].name == "accuracy"
    assert request.metrics[0].objective == experiment_pb2.METRIC_OBJECTIVE_MAXIMIZE


@pytest.mark.parametrize(
    ("word", "relation"), [("less_than", "<="), ("greater_than", ">="), ("equal", "==")]
)
def test_a_linear_constraint_means_the_same_as_a_dict_and_as_a_value(created, word, relation):
    terms = [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]

    request = created(
        linear_constraints=[
            {"type": word, "terms": terms, "threshold": 1},
            nextpoint.LinearConstraint({"a": 1, "b": 2}, relation, 1.0),
        ]
    )

    assert request.linear_constraints[0] == request.linear_constraints[1]


def test_a_conditional_means_the_same_as_a_dict_and_as_a_value(created):
    as_dict = created(conditionals=[{"name": "kind", "values": ["x", "y"]}])
    as_value = created(conditionals=[nextpoint.Conditional("kind", ("x", "y"))])

    (sent,) = as_dict.conditionals
    assert as_value.conditionals == as_dict.conditionals
    assert (sent.name, [*sent.values]) == ("kind", ["x", "y"])


def test_conditionals_that_are_read_can_be_written(service, client, created):
    written = created(conditionals=[nextpoint.Conditional("kind", ("x", "y"))]).conditionals
    answer = a_get_experiment()
    answer.experiment.conditionals.extend(written)
    service.script("GetExperiment", answer)

    read = client.get_experiment("exp_1").conditionals

    assert read == (nextpoint.Conditional("kind", ("x", "y")),)
    assert created(conditionals=read).conditionals == written


def test_a_term_that_is_there_twice_reaches_the_service_that_judges_it(created):
    terms = [{"name": "a", "weight": 1}, {"name": "a", "weight": 2}]

    request = created(linear_constraints=[{"type": "equal", "terms": terms, "threshold": 0}])

    assert len(request.linear_constraints[0].terms) == 2


@pytest.mark.parametrize("word", ["offline", "optimized"])
def test_offline_is_another_word_for_optimized(created, word):
    assert created(type=word).type == experiment_pb2.EXPERIMENT_TYPE_OPTIMIZED


@pytest.mark.parametrize("word", ["auto", "ax"])
def test_an_engine_is_said_by_its_word(created, word):
    number = getattr(experiment_pb2, f"EXPERIMENT_ENGINE_{word.upper()}")

    assert created(engine=word).engine == number


def test_what_is_not_said_is_absent(created):
    request = created()

    assert not request.HasField("budget")
    assert not request.HasField("parallel_bandwidth")
    assert not request.HasField("num_solutions")
    assert request.engine == experiment_pb2.EXPERIMENT_ENGINE_UNSPECIFIED


def test_metadata_and_tags_are_kept(created):
    request = created(metadata={"team": "vision", "version": 3}, tags=["a", "b"])

    assert request.metadata["team"].string_value == "vision"
    assert request.metadata["version"].number_value == 3
    assert list(request.tags) == ["a", "b"]


@pytest.mark.parametrize(
    ("definition", "field", "word"),
    [
        ({"parameters": [{"label": "a"}]}, "parameters[0].label", "unknown key"),
        ({"parameters": ["a"]}, "parameters[0]", "mapping"),
        ({"parameters": "lr"}, "parameters", "list"),
        ({"parameters": [{"name": 3}]}, "parameters[0].name", "string"),
        ({"parameters": [{"type": "real"}]}, "parameters[0].type", "double, int"),
        ({"parameters": [{"bounds": [1, 2]}]}, "parameters[0].bounds", "mapping"),
        ({"parameters": [{"bounds": {"mix": 1}}]}, "parameters[0].bounds.mix", "unknown key"),
        ({"parameters": [{"grid": [1, "2"]}]}, "parameters[0].grid[1]", "number"),
        ({"parameters": [{"prior": "normal"}]}, "parameters[0].prior", "mapping"),
        ({"parameters": [{"prior": {"mean": 1}}]}, "parameters[0].prior.name", "normal, beta"),
        (
            {"parameters": [{"prior": {"name": "normal", "mu": 1}}]},
            "parameters[0].prior.mu",
            "unknown key",
        ),
        (
            {"parameters": [{"prior": {"name": "beta", "shape_a": "1"}}]},
            "parameters[0].prior.shape_a",
            "number",
        ),
        ({"parameters": [{"ordered": "yes"}]}, "parameters[0].ordered", "True or False"),
        (
            {"parameters": [{"categorical_values": ["a", {"title": "b"}]}]},
            "parameters[0].categorical_values[1].title",
            "unknown key 'title'",
        ),
        (
            {"parameters": [{"categorical_values": ["a", 1]}]},
            "parameters[0].categorical_values[1]",
            "string",
        ),
        ({"metrics": [{"objective": "maximise"}]}, "metrics[0].objective", "maximize"),
        ({"metrics": [{"threshold": "1"}]}, "metrics[0].threshold", "number"),
        ({"linear_constraints": [{"type": "<"}]}, "linear_constraints[0].type", "less_than"),
        (
            {"linear_constraints": [{"terms": [{"factor": 1}]}]},
            "linear_constraints[0].terms[0].factor",
            "unknown key",
        ),
        ({"type": "online"}, "type", "offline"),
        ({"budget": "30"}, "budget", "whole number"),
        ({"budget": 2**40}, "budget", "whole number"),
        ({"metadata": {"a": []}}, "metadata['a']", "string or a number"),
        ({"metadata": {3: "a"}}, "metadata[3]", "key"),
        ({"tags": [1]}, "tags[0]", "string"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_path(service, created, definition, field, word):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        created(**definition)

    (violation,) = refused.value.violations
    assert violation.field == field
    assert word in violation.description
    assert f"{violation.field}: {violation.description}" in str(refused.value)
    assert service.requests("CreateExperiment") == []


def test_the_path_of_a_value_is_that_of_its_dict(created):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        created(parameters=[nextpoint.Bool("a"), nextpoint.Double("b", 0, "1")])

    assert [violation.field for violation in refused.value.violations] == [
        "parameters[1].bounds.max"
    ]


def test_everything_that_is_wrong_is_said_at_once(created):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        created(parameters=[{"a": 1, "b": 2}], budget="x", type="y")

    assert {violation.field for violation in refused.value.violations} == {
        "parameters[0].a",
        "parameters[0].b",
        "budget",
        "type",
    }


def test_a_parameter_of_an_unknown_type_is_shown_by_name(service, client):
    answer = a_get_experiment()
    answer.experiment.parameters[0].type = 99
    service.script("GetExperiment", answer)

    experiment = client.get_experiment("exp_1")

    assert experiment.parameters[0] == nextpoint.UnknownParameter("lr")
    assert experiment.parameters[1] == nextpoint.Int("depth", 1, 9)


@pytest.mark.parametrize("as_value", [value for _, value in SAME_PARAMETERS])
def test_what_is_read_can_be_written(service, client, created, as_value):
    written = created(parameters=[as_value]).parameters[0]
    answer = a_get_experiment()
    del answer.experiment.parameters[:]
    answer.experiment.parameters.append(written)
    if written.grid:
        # As the service answers.
        bounds = search_space_pb2.Bounds(min=min(written.grid), max=max(written.grid))
        answer.experiment.parameters[0].bounds.CopyFrom(bounds)
    service.script("GetExperiment", answer)

    read = client.get_experiment("exp_1").parameters

    assert created(parameters=read).parameters[0] == written
