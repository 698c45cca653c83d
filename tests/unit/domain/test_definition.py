"""Every rule of an experiment's definition apart from its parameters, with the field's path."""

import math
from dataclasses import replace

import pytest
from tests.support.builders import NOW, a_constraint_draft, a_draft, a_parameter_draft

from nextpoint_service.domain.definition import ExperimentDraft, define
from nextpoint_service.domain.experiment import (
    Engine,
    Experiment,
    ExperimentState,
    ExperimentType,
    Metric,
    Objective,
    Strategy,
)
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)

LIMITS = Limits()
TOO_LONG = "x" * 101
OPTIMIZE, CONSTRAINT, STORE = Strategy
AT_LEAST, AT_MOST, EQUAL = Comparison.GREATER_THAN, Comparison.LESS_THAN, Comparison.EQUAL
GRID = (
    a_parameter_draft("heat", grid=(1.0, 2.0, 3.0)),
    a_parameter_draft("minutes", "int", grid=(10.0, 20.0)),
    a_parameter_draft("steam", "bool"),
    a_parameter_draft("flour", "categorical"),
)


def defined(**fields):
    return define(a_draft(**fields), LIMITS, "exp_1", NOW)


def metric(name="taste", strategy=OPTIMIZE, threshold=None):
    return MetricDraft(name, Objective.MAXIMIZE, strategy, threshold)


def of_grid_type(**fields):
    return {"type": ExperimentType.GRID, "parameters": GRID, **fields}


FAULTY_DRAFTS = {
    # Name, project, type, bandwidth
    "a name is required": ({"name": ""}, {"name": "is required"}),
    "a name has at most 100 characters": ({"name": TOO_LONG}, {"name": "at most 100 characters"}),
    "a name holds no control characters": ({"name": "a\rb"}, {"name": "control characters"}),
    "a name does not end in a tab": ({"name": "bread\t"}, {"name": "control characters"}),
    "a name has no space at its ends": ({"name": " bread"}, {"name": "begin or end with a space"}),
    "a project has at most 32 characters": (
        {"project": "x" * 33},
        {"project": "must be 1 to 32 characters of a to z, 0 to 9, '-', '_' and '.'"},
    ),
    "a project has no capital letters": ({"project": "Bakery"}, {"project": "a to z"}),
    "a project has no accents": ({"project": "bäckerei"}, {"project": "a to z"}),
    "a project has no spaces": ({"project": "my bakery"}, {"project": "a to z"}),
    "a project does not end in a line break": ({"project": "bakery\n"}, {"project": "a to z"}),
    "a type is one of three": ({"type": None}, {"type": "must be optimized, random or grid"}),
    "there is at least one worker": (
        {"parallel_bandwidth": 0},
        {"parallel_bandwidth": "must be from 1 to 1000, got 0"},
    ),
    "there are at most 1000 workers": (
        {"parallel_bandwidth": 1001},
        {"parallel_bandwidth": "must be from 1 to 1000, got 1001"},
    ),
    # Budget
    "a budget is at least 1": ({"budget": 0}, {"budget": "must be from 1 to 100000, got 0"}),
    "a budget is not negative": ({"budget": -1}, {"budget": "got -1"}),
    "a budget is at most 100000": (
        {"budget": 100_001},
        {"budget": "must be from 1 to 100000, got 100001"},
    ),
    "a large budget is shown in full": ({"budget": 1_234_567}, {"budget": "got 1234567"}),
    "two optimized metrics need a budget": (
        {"metrics": (metric("a"), metric("b"))},
        {"budget": "is required with several optimized metrics"},
    ),
    "a constraint metric needs a budget": (
        {"metrics": (metric("a"), metric("b", CONSTRAINT, 1.0))},
        {"budget": "is required with a metric of strategy constraint"},
    ),
    "several solutions need a budget": (
        {"num_solutions": 2},
        {"budget": "is required with several solutions"},
    ),
    "there is at least one solution": (
        {"num_solutions": 0},
        {"num_solutions": "must be from 1 to 100, got 0"},
    ),
    "there are at most 100 solutions": (
        {"num_solutions": 101, "budget": 1000},
        {"num_solutions": "must be from 1 to 100, got 101"},
    ),
    "there are no more solutions than observations": (
        {"num_solutions": 9, "budget": 8},
        {"num_solutions": "must be at most the budget, 8, got 9"},
    ),
    "there are no more solutions than cells": (
        of_grid_type(num_solutions=25),
        {"num_solutions": "must be at most the budget, 24, got 25"},
    ),
    "several solutions are of one metric and not of two": (
        {"num_solutions": 2, "metrics": (metric("a"), metric("b")), "budget": 9},
        {"num_solutions": "must be 1 unless exactly one metric is optimized, got 2 with 2"},
    ),
    "several solutions are of one metric and not of none": (
        {"num_solutions": 2, "metrics": (metric("a", CONSTRAINT, 1.0),), "budget": 9},
        {"num_solutions": "must be 1 unless exactly one metric is optimized, got 2 with 0"},
    ),
    "an engine that is not known": ({"engine": None}, {"engine": "must be auto or ax"}),
    "Ax makes no random points": (
        {"engine": Engine.AX, "type": ExperimentType.RANDOM},
        {"engine": "must be auto with type random, got ax"},
    ),
    "Ax makes no grid": (
        of_grid_type(engine=Engine.AX),
        {"engine": "must be auto with type grid, got ax"},
    ),
    "Ax needs something to optimize": (
        {"engine": Engine.AX, "metrics": (metric("a", CONSTRAINT, 1.0),), "budget": 9},
        {"engine": "must be auto where no metric is optimized, got ax"},
    ),
    "Ax looks for one solution": (
        {"engine": Engine.AX, "num_solutions": 2, "budget": 9},
        {"engine": "must be auto with several solutions, got ax"},
    ),
    "the budget of a grid is the number of its cells": (
        of_grid_type(budget=23),
        {"budget": "must be absent or the number of cells of the grid, 24, got 23"},
    ),
    "the budget of a grid is not 0": (
        of_grid_type(budget=0),
        {"budget": "the number of cells of the grid, 24, got 0"},
    ),
    "a grid has at most a million cells": (
        of_grid_type(
            parameters=(
                *(a_parameter_draft(f"p{each}", grid=(0.0, 1.0)) for each in range(19)),
                a_parameter_draft("one more", "bool"),
            )
        ),
        {"parameters": "the grid must have at most 100000 cells, got 1048576"},
    ),
    "a grid that is far too large has a number that can be read": (
        of_grid_type(
            parameters=tuple(a_parameter_draft(f"p{each}", "bool") for each in range(100))
        ),
        {"parameters": "at most 100000 cells, got about 10^30"},
    ),
    "the number of cells is looked at though other fields are faulty": (
        of_grid_type(budget=23, name="", tags=("",)),
        {
            "budget": "number of cells of the grid, 24",
            "name": "is required",
            "tags[0]": "must not be empty",
        },
    ),
    # Metrics
    "metrics are required": ({"metrics": ()}, {"metrics": "must be 1 to 50, got 0"}),
    "there are at most 50 metrics": (
        {"metrics": tuple(metric(f"m{each}", STORE) for each in range(51))},
        {"metrics": "must be 1 to 50, got 51"},
    ),
    "there is something to look for": (
        {"metrics": (metric("a", STORE), metric("b", STORE))},
        {"metrics": "must have at least one metric of strategy optimize or constraint"},
    ),
    "constraints alone need a budget": (
        {"metrics": (metric("a", CONSTRAINT, 1.0),)},
        {"budget": "is required with a metric of strategy constraint"},
    ),
    "a metric has a name": (
        {"metrics": (metric(""), metric("")), "budget": 9},
        {"metrics[0].name": "is required", "metrics[1].name": "is required"},
    ),
    "the name of a metric has at most 100 characters": (
        {"metrics": (metric(TOO_LONG),)},
        {"metrics[0].name": "at most 100 characters, got 101"},
    ),
    "the name of a metric holds no control characters": (
        {"metrics": (metric("a\x1fb"),)},
        {"metrics[0].name": "control characters"},
    ),
    "the name of a metric has no space at its ends": (
        {"metrics": (metric("taste "),)},
        {"metrics[0].name": "begin or end with a space"},
    ),
    "names of metrics differ": (
        {"metrics": (metric("a"), metric("b", STORE), metric("a", STORE))},
        {"metrics[2].name": "'a' is the name of another metric"},
    ),
    "an objective is one of two": (
        {"metrics": (MetricDraft("a", None),)},
        {"metrics[0].objective": "must be maximize or minimize"},
    ),
    "a strategy is one of three": (
        {"metrics": (metric("a", None),)},
        {"metrics[0].strategy": "must be optimize, constraint or store"},
    ),
    "a strategy that is not known may be meant to be optimized": (
        {"metrics": (metric("a", None, 0.0),), "engine": Engine.AX},
        {"metrics[0].strategy": "must be optimize, constraint or store"},
    ),
    "a constraint has a threshold": (
        {"metrics": (metric("a"), metric("b", CONSTRAINT)), "budget": 9},
        {"metrics[1].threshold": "is required for strategy constraint"},
    ),
    "what is stored has no threshold": (
        {"metrics": (metric("a"), metric("b", STORE, 0.0))},
        {"metrics[1].threshold": "is not for strategy store"},
    ),
    "the only optimized metric has no threshold": (
        {"metrics": (metric("a", OPTIMIZE, 1.0), metric("b", STORE))},
        {"metrics[0].threshold": "is not for the only optimized metric"},
    ),
    "a threshold is not NaN": (
        {"metrics": (metric("a"), metric("b", OPTIMIZE, math.nan)), "budget": 9},
        {"metrics[1].threshold": "must be a finite number, got nan"},
    ),
    "a threshold is finite": (
        {"metrics": (metric("a"), metric("b", CONSTRAINT, -math.inf)), "budget": 9},
        {"metrics[1].threshold": "must be a finite number, got -inf"},
    ),
    # Metadata and tags
    "there are at most 100 entries of metadata": (
        {"metadata": {str(each): "x" for each in range(101)}},
        {"metadata": "must have at most 100 entries, got 101"},
    ),
    "a key of metadata is not empty": (
        {"metadata": {"": "x"}},
        {"metadata['']": "the key must not be empty"},
    ),
    "a key of metadata has at most 100 characters": (
        {"metadata": {TOO_LONG: "x"}},
        {f"metadata['{TOO_LONG}']": "at most 100 characters"},
    ),
    "a key of metadata holds no control characters": (
        {"metadata": {"a\nb": "x"}},
        {"metadata['a\\nb']": "control characters"},
    ),
    "a text of metadata has at most 500 characters": (
        {"metadata": {"oven": "x" * 501}},
        {"metadata['oven']": "must have at most 500 characters, got 501"},
    ),
    "a number of metadata is finite": (
        {"metadata": {"a": math.nan, "b": math.inf}},
        {"metadata['a']": "finite number, got nan", "metadata['b']": "finite number, got inf"},
    ),
    "there are at most 100 tags": (
        {"tags": tuple(str(each) for each in range(101))},
        {"tags": "must be at most 100, got 101"},
    ),
    "a tag is not empty": (
        {"tags": ("rye", "", "")},
        {"tags[1]": "must not be empty", "tags[2]": "must not be empty"},
    ),
    "a tag has at most 100 characters": (
        {"tags": ("rye", TOO_LONG)},
        {"tags[1]": "at most 100 characters"},
    ),
    "a tag holds no control characters": (
        {"tags": ("rye\x00",)},
        {"tags[0]": "control characters"},
    ),
    "a tag has no space at its ends": ({"tags": ("rye ",)}, {"tags[0]": "begin or end"}),
    "tags differ, and the path is that of the request": (
        {"tags": ("rye", "crust", "rye")},
        {"tags[2]": "'rye' is there already"},
    ),
}


@pytest.mark.parametrize(("fields", "expected"), FAULTY_DRAFTS.values(), ids=FAULTY_DRAFTS)
def test_an_experiment_keeps_the_rule_that(refuses, fields, expected):
    refuses(lambda: defined(**fields), expected)


def test_everything_that_is_wrong_is_said_at_once(refuses):
    draft = ExperimentDraft(
        name="",
        project="The Bakery",
        type=None,
        parameters=(a_parameter_draft("", None), a_parameter_draft("heat", bounds=(2.0, 1.0))),
        metrics=(metric("a"), metric("a", None), metric("b", CONSTRAINT)),
        constraints=(a_constraint_draft({"heat": 1.0}),),
        budget=0,
        parallel_bandwidth=-1,
        metadata={"x": math.nan},
        tags=("a", "a"),
    )

    refuses(
        lambda: define(draft, LIMITS, "exp_1", NOW),
        {
            "name": "is required",
            "project": "must be 1 to 32 characters",
            "type": "must be optimized",
            "parameters[0].name": "is required",
            "parameters[0].type": "must be double",
            "parameters[1].bounds.max": "above min",
            "metrics[1].name": "another metric",
            "metrics[1].strategy": "must be optimize",
            "metrics[2].threshold": "is required",
            "linear_constraints[0].terms": "must be 2 to 100, got 1",
            "budget": "must be from 1 to 100000",
            "parallel_bandwidth": "must be from 1 to 1000",
            "metadata['x']": "finite",
            "tags[1]": "there already",
        },
    )


def test_a_faultless_draft_of_everything_becomes_an_experiment():
    draft = ExperimentDraft(
        name="Roggenbrot №1",
        project="back-stube_2.0",
        type=ExperimentType.RANDOM,
        parameters=(
            a_parameter_draft("heat", bounds=(120.0, 240.0)),
            a_parameter_draft("minutes", "int", bounds=(20.0, 60.0)),
            a_parameter_draft("salt", bounds=(0.1, 3.0), log=True),
            a_parameter_draft("yeast", grid=(1.0, 0.5)),
            a_parameter_draft("folds", "int", grid=(4.0, 1.0, 2.0), log=True),
            a_parameter_draft("grind", "categorical", categorical_values=("fine", "coarse")),
            a_parameter_draft("size", "categorical", categorical_values=("s", "l"), ordered=True),
            a_parameter_draft("steam", "bool"),
        ),
        metrics=(
            MetricDraft("taste", Objective.MAXIMIZE, OPTIMIZE, 5.0),
            MetricDraft("cost", Objective.MINIMIZE, OPTIMIZE),
            MetricDraft("height", Objective.MAXIMIZE, CONSTRAINT, 0.0),
            MetricDraft("energy", Objective.MINIMIZE, STORE),
        ),
        constraints=(a_constraint_draft(threshold=300.0),),
        budget=100_000,
        parallel_bandwidth=1000,
        metadata={"oven": "stone", "shelf": 2.0, "note": ""},
        tags=("sour", "rye"),
    )

    experiment = define(draft, LIMITS, "exp_1", NOW)

    assert experiment == Experiment(
        experiment_id="exp_1",
        name="Roggenbrot №1",
        project="back-stube_2.0",
        type=ExperimentType.RANDOM,
        space=SearchSpace(
            (
                DoubleParameter("heat", 120.0, 240.0),
                IntParameter("minutes", 20, 60),
                DoubleParameter("salt", 0.1, 3.0, log=True),
                DoubleParameter("yeast", 0.5, 1.0, grid=(0.5, 1.0)),
                IntParameter("folds", 1, 4, log=True, grid=(1, 2, 4)),
                CategoricalParameter("grind", ("fine", "coarse")),
                CategoricalParameter("size", ("s", "l"), ordered=True),
                BoolParameter("steam"),
            ),
            (
                LinearConstraint(
                    Comparison.LESS_THAN, (Term("heat", 1.0), Term("minutes", 2.0)), 300.0
                ),
            ),
        ),
        metrics=(
            Metric("taste", Objective.MAXIMIZE, OPTIMIZE, 5.0),
            Metric("cost", Objective.MINIMIZE, OPTIMIZE),
            Metric("height", Objective.MAXIMIZE, CONSTRAINT, 0.0),
            Metric("energy", Objective.MINIMIZE, STORE),
        ),
        budget=100_000,
        parallel_bandwidth=1000,
        metadata={"oven": "stone", "shelf": 2.0, "note": ""},
        tags=("rye", "sour"),
        state=ExperimentState.ACTIVE,
        revision=1,
        created=NOW,
        updated=NOW,
    )


def test_the_least_that_can_be_said_is_an_experiment():
    experiment = defined()

    assert experiment.type is ExperimentType.OPTIMIZED
    assert experiment.project == ""
    assert experiment.budget is None
    assert experiment.parallel_bandwidth is None
    assert experiment.metadata == {}
    assert experiment.tags == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 100},
        {"name": "e\u0301tude"},
        {"project": "x" * 32},
        {"project": "-._09az"},
        {"budget": 1},
        {"parallel_bandwidth": 1},
        {"metadata": {str(each): "x" * 500 for each in range(100)}},
        {"metadata": {"x" * 100: -0.0}},
        {"metadata": {"note": "two\nlines"}},
        {"tags": tuple("x" * 98 + f"{each:02}" for each in range(100))},
        {"metrics": (metric(), *(metric(f"m{each}", STORE) for each in range(49)))},
        {"metrics": (metric("x" * 100),)},
        {"metrics": (metric("heat"),)},
        {"metrics": (metric("a", OPTIMIZE, 0.0), metric("b")), "budget": 1},
        {"metrics": (metric("a"), metric("b", CONSTRAINT, 0.0)), "budget": 1},
        {"num_solutions": 1},
        {"num_solutions": 100, "budget": 100},
        {
            "num_solutions": 2,
            "metrics": (metric("a", CONSTRAINT, 0.0), metric("b"), metric("c", STORE)),
            "budget": 2,
        },
        of_grid_type(num_solutions=24),
        {"engine": Engine.AX},
        {"engine": Engine.AX, "metrics": (metric("a"), metric("b")), "budget": 9},
    ],
)
def test_what_is_just_allowed_is_taken(fields):
    assert defined(**fields).state is ExperimentState.ACTIVE


@pytest.mark.parametrize("count", [1, 2, 50])
def test_constraints_alone_are_something_to_look_for(count):
    metrics = tuple(metric(f"m{index}", CONSTRAINT, 1.0) for index in range(count))

    experiment = defined(metrics=metrics, budget=9)

    assert experiment.optimized == ()
    assert len(experiment.constrained) == count


@pytest.mark.parametrize("budget", [None, 24])
def test_the_budget_of_a_grid_is_computed(budget):
    assert defined(**of_grid_type(budget=budget)).budget == 24


def test_one_parameter_is_enough_for_a_grid():
    assert defined(**of_grid_type(parameters=GRID[:1])).budget == 3


def test_a_grid_may_have_as_many_cells_as_the_limit_says(refuses):
    draft = a_draft(**of_grid_type())

    assert define(draft, replace(LIMITS, grid_cells=24), "exp_1", NOW).budget == 24
    refuses(
        lambda: define(draft, replace(LIMITS, grid_cells=23), "exp_1", NOW),
        {"parameters": "at most 23 cells, got 24"},
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ((), {"parameters": "must have at least one parameter"}),
        ((*GRID, a_parameter_draft("", "bool")), {"parameters[4].name": "is required"}),
        ((*GRID, a_parameter_draft("x", None)), {"parameters[4].type": "must be double"}),
    ],
)
def test_cells_are_not_counted_where_a_parameter_is_faulty(refuses, parameters, expected):
    refuses(lambda: defined(**of_grid_type(parameters=parameters, budget=7)), expected)


def test_the_metrics_of_a_grid_need_no_budget():
    metrics = (metric("a"), metric("b"), metric("c", CONSTRAINT, 1.0))

    assert defined(**of_grid_type(metrics=metrics)).budget == 24


def test_a_strategy_that_is_not_known_is_the_only_thing_said_of_its_metric(refuses):
    refuses(
        lambda: defined(metrics=(metric("a", None, 1.0), metric("b", OPTIMIZE, 1.0)), budget=9),
        {"metrics[0].strategy": "must be optimize"},
    )


def test_what_the_caller_keeps_does_not_change_the_experiment():
    metadata = {"oven": "stone"}
    experiment = defined(metadata=metadata)

    metadata["oven"] = "steel"

    assert experiment.metadata == {"oven": "stone"}


def test_the_limits_are_those_that_are_passed_in(refuses):
    limits = replace(LIMITS, parameters=1, metrics=1, budget=5, name_characters=4)

    refuses(
        lambda: define(
            a_draft(metrics=(metric(), metric("b", STORE)), budget=6), limits, "exp_1", NOW
        ),
        {
            "name": "at most 4 characters, got 5",
            "parameters": "at most 1, got 2",
            "metrics": "must be 1 to 1, got 2",
            "budget": "must be from 1 to 5, got 6",
        },
    )
