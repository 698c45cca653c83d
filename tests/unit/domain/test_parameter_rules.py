"""Every rule of parameters, with the path of the field that breaks it."""

import math
from dataclasses import replace

import pytest
from tests.support.builders import NOW, a_draft, a_parameter_draft

from nextpoint_service.domain.definition import define
from nextpoint_service.domain.experiment import ExperimentType
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.prior_rules import PriorDraft
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
)

LIMITS = Limits()
TOO_LONG = "x" * 101
LARGEST = 1.7e308


def defined(*parameters, grid=False):
    kind = ExperimentType.GRID if grid else ExperimentType.OPTIMIZED
    draft = a_draft(parameters=parameters, type=kind)
    return define(draft, LIMITS, "exp_1", NOW)


def double(**fields):
    return a_parameter_draft("heat", "double", **fields)


def integer(**fields):
    return a_parameter_draft("heat", "int", **fields)


def categorical(*values, **fields):
    return a_parameter_draft("heat", "categorical", categorical_values=values, **fields)


FAULTY_PARAMETERS = {
    # Names
    "a name is required": (double, {"name": ""}, {"name": "is required"}),
    "a name has at most 100 characters": (
        double,
        {"name": TOO_LONG},
        {"name": "must have at most 100 characters, got 101"},
    ),
    "a name holds no line break": (double, {"name": "a\nb"}, {"name": "control characters"}),
    "a name holds no NUL": (double, {"name": "a\0b"}, {"name": "control characters"}),
    "a name holds no DEL": (double, {"name": "a\x7fb"}, {"name": "control characters"}),
    "a name holds no C1 control": (double, {"name": "a\x85b"}, {"name": "control characters"}),
    "a name holds no surrogate": (double, {"name": "a\ud800b"}, {"name": "control characters"}),
    "a name does not begin with a space": (
        double,
        {"name": " a"},
        {"name": "must not begin or end with a space"},
    ),
    "a name does not end with a space": (double, {"name": "a "}, {"name": "begin or end"}),
    "a name does not end with a no-break space": (
        double,
        {"name": "a\xa0"},
        {"name": "begin or end"},
    ),
    "a name is not a space": (double, {"name": " "}, {"name": "begin or end"}),
    # Types, and the fields that they do not take
    "a type is required": (double, {"type": None}, {"type": "double, int, categorical or bool"}),
    "a type is one of four": (double, {"type": "complex"}, {"type": "double, int"}),
    "a double has no categories": (
        double,
        {"categorical_values": ("a", "b")},
        {"categorical_values": "is not for type double"},
    ),
    "a double has no order": (double, {"ordered": True}, {"ordered": "is not for type double"}),
    "an int has no categories": (
        integer,
        {"categorical_values": ("a", "b")},
        {"categorical_values": "is not for type int"},
    ),
    "an int has no order": (integer, {"ordered": True}, {"ordered": "is not for type int"}),
    "a categorical has no bounds": (
        categorical,
        {"categorical_values": ("a", "b"), "bounds": (0.0, 1.0)},
        {"bounds": "is not for type categorical"},
    ),
    "a categorical has no grid": (
        categorical,
        {"categorical_values": ("a", "b"), "grid": (0.0, 1.0)},
        {"grid": "is not for type categorical"},
    ),
    "a categorical has no transformation": (
        categorical,
        {"categorical_values": ("a", "b"), "log": True},
        {"transformation": "is not for type categorical"},
    ),
    "a bool has no bounds": (
        double,
        {"type": "bool", "bounds": (0.0, 1.0)},
        {"bounds": "is not for type bool"},
    ),
    "a bool has no grid": (
        double,
        {"type": "bool", "bounds": None, "grid": (0.0, 1.0)},
        {"grid": "is not for type bool"},
    ),
    "a bool has no transformation": (
        double,
        {"type": "bool", "bounds": None, "log": True},
        {"transformation": "is not for type bool"},
    ),
    "a bool has no categories": (
        double,
        {"type": "bool", "bounds": None, "categorical_values": ("a", "b")},
        {"categorical_values": "is not for type bool"},
    ),
    "a bool has no order": (
        double,
        {"type": "bool", "bounds": None, "ordered": True},
        {"ordered": "is not for type bool"},
    ),
    "a transformation is log": (double, {"log": None}, {"transformation": "must be log"}),
    "a transformation is log, whatever the type": (
        double,
        {"type": "bool", "bounds": None, "log": None},
        {"transformation": "must be log"},
    ),
    # Bounds
    "bounds are required": (double, {"bounds": None}, {"bounds": "is required, or a grid"}),
    "bounds of an int are required": (integer, {"bounds": None}, {"bounds": "is required"}),
    "min is required": (double, {"bounds": (None, 1.0)}, {"bounds.min": "is required"}),
    "max is required": (double, {"bounds": (0.0, None)}, {"bounds.max": "is required"}),
    "min and max are required": (
        double,
        {"bounds": (None, None)},
        {"bounds.min": "is required", "bounds.max": "is required"},
    ),
    "min is not NaN": (
        double,
        {"bounds": (math.nan, 1.0)},
        {"bounds.min": "must be a finite number, got nan"},
    ),
    "max is not NaN": (double, {"bounds": (0.0, math.nan)}, {"bounds.max": "finite"}),
    "min is not infinite": (double, {"bounds": (-math.inf, 1.0)}, {"bounds.min": "got -inf"}),
    "max is not infinite": (double, {"bounds": (0.0, math.inf)}, {"bounds.max": "got inf"}),
    "a whole max is not infinite": (integer, {"bounds": (0.0, math.inf)}, {"bounds.max": "inf"}),
    "max is not min": (
        double,
        {"bounds": (1.0, 1.0)},
        {"bounds.max": "must be above min by at least 1e-08, got 1.0 to 1.0"},
    ),
    "max is not below min": (double, {"bounds": (2.0, 1.0)}, {"bounds.max": "above min"}),
    "max is above min by at least 1e-8": (
        double,
        {"bounds": (0.0, 9e-9)},
        {"bounds.max": "above min by at least 1e-08"},
    ),
    "a whole max is not min": (
        integer,
        {"bounds": (3.0, 3.0)},
        {"bounds.max": "above min by at least 1, got"},
    ),
    "the width is a number": (
        double,
        {"bounds": (-LARGEST, LARGEST)},
        {"bounds": "must not be further apart than the largest number"},
    ),
    "min of an int is whole": (
        integer,
        {"bounds": (0.5, 3.0)},
        {"bounds.min": "must be a whole number, got 0.5"},
    ),
    "max of an int is whole": (integer, {"bounds": (0.0, 3.5)}, {"bounds.max": "whole number"}),
    "min of an int is at least -2^53": (
        integer,
        {"bounds": (-(2.0**53) - 2, 0.0)},
        {"bounds.min": "must be from -2^53 to 2^53, got -9007199254740994"},
    ),
    "max of an int is at most 2^53": (
        integer,
        {"bounds": (0.0, 2.0**53 + 2)},
        {"bounds.max": "must be from -2^53 to 2^53"},
    ),
    "min of a logarithmic double is above 0": (
        double,
        {"bounds": (0.0, 1.0), "log": True},
        {"bounds.min": "must be above 0 on a logarithmic scale, got 0"},
    ),
    "min of a logarithmic int is above 0": (
        integer,
        {"bounds": (-1.0, 1.0), "log": True},
        {"bounds.min": "above 0 on a logarithmic scale"},
    ),
    "of logarithmic bounds below 0 the lower is the one to mend": (
        double,
        {"bounds": (-2.0, -1.0), "log": True},
        {"bounds.min": "above 0 on a logarithmic scale"},
    ),
    # Grids
    "a grid has at least 2 values": (
        double,
        {"bounds": None, "grid": (1.0,)},
        {"grid": "must have at least 2 values, got 1"},
    ),
    "a grid has at most 10000 values": (
        double,
        {"bounds": None, "grid": tuple(float(each) for each in range(10_001))},
        {"grid": "must have at most 10000 values, got 10001"},
    ),
    "a grid takes the place of bounds": (
        double,
        {"bounds": (1.0, 2.0), "grid": (1.0, 2.0)},
        {"bounds": "cannot be given together with a grid"},
    ),
    "values of a grid differ": (
        double,
        {"bounds": None, "grid": (1.0, 2.0, 1.0)},
        {"grid[2]": "1.0 is there already"},
    ),
    "values of a grid differ, and 0 is -0": (
        double,
        {"bounds": None, "grid": (0.0, -0.0)},
        {"grid[1]": "is there already"},
    ),
    "values of a grid are numbers": (
        double,
        {"bounds": None, "grid": (1.0, math.nan, math.nan)},
        {"grid[1]": "finite number, got nan", "grid[2]": "finite number, got nan"},
    ),
    "values of a grid are finite": (
        double,
        {"bounds": None, "grid": (-math.inf, 1.0, math.inf)},
        {"grid[0]": "finite number, got -inf", "grid[2]": "finite number, got inf"},
    ),
    "the width of a grid is a number": (
        double,
        {"bounds": None, "grid": (-LARGEST, LARGEST)},
        {"grid": "further apart than the largest number"},
    ),
    "values of an int grid are whole": (
        integer,
        {"bounds": None, "grid": (1.0, 2.5)},
        {"grid[1]": "must be a whole number, got 2.5"},
    ),
    "values of an int grid are at most 2^53": (
        integer,
        {"bounds": None, "grid": (1.0, 1e17)},
        {"grid[1]": "must be from -2^53 to 2^53"},
    ),
    "values of a logarithmic grid are above 0": (
        double,
        {"bounds": None, "grid": (0.0, 1.0, -1.0), "log": True},
        {"grid[0]": "above 0", "grid[2]": "above 0 on a logarithmic scale, got -1"},
    ),
    # Categories
    "categories are required": (
        categorical,
        {"categorical_values": ()},
        {"categorical_values": "must have at least 2 values, got 0"},
    ),
    "one category is no choice": (
        categorical,
        {"categorical_values": ("a",)},
        {"categorical_values": "at least 2"},
    ),
    "there are at most 1000 categories": (
        categorical,
        {"categorical_values": tuple(str(each) for each in range(1001))},
        {"categorical_values": "must have at most 1000 values, got 1001"},
    ),
    "categories differ": (
        categorical,
        {"categorical_values": ("a", "b", "a")},
        {"categorical_values[2]": "'a' is there already"},
    ),
    "a category is not empty": (
        categorical,
        {"categorical_values": ("a", "", "")},
        {
            "categorical_values[1]": "must not be empty",
            "categorical_values[2]": "must not be empty",
        },
    ),
    "a category has at most 100 characters": (
        categorical,
        {"categorical_values": (TOO_LONG, "a")},
        {"categorical_values[0]": "at most 100 characters"},
    ),
    "a category holds no control characters": (
        categorical,
        {"categorical_values": ("a\tb", "a")},
        {"categorical_values[0]": "control characters"},
    ),
    "a category does not end with a space": (
        categorical,
        {"categorical_values": ("a ", "a")},
        {"categorical_values[0]": "begin or end with a space"},
    ),
    # All at once
    "a bad name does not hide bad bounds": (
        double,
        {"name": "", "bounds": (2.0, 1.0), "ordered": True},
        {"name": "is required", "bounds.max": "above min", "ordered": "is not for type double"},
    ),
    "a bad name does not hide a bad grid": (
        integer,
        {"name": "", "bounds": None, "grid": (1.0, 0.5)},
        {"name": "is required", "grid[1]": "whole number"},
    ),
}


@pytest.mark.parametrize(
    ("make", "fields", "expected"), FAULTY_PARAMETERS.values(), ids=FAULTY_PARAMETERS
)
def test_a_parameter_keeps_the_rule_that(refuses, make, fields, expected):
    parameter = replace(make("a", "b") if make is categorical else make(), **fields)
    good = a_parameter_draft("minutes")

    refuses(
        lambda: defined(good, parameter),
        {f"parameters[1].{path}": text for path, text in expected.items()},
    )


def test_parameters_are_required(refuses):
    refuses(defined, {"parameters": "must have at least one parameter"})


NORMAL = PriorDraft("normal", {"mean": 5.0, "scale": 2.0})
FAULTY_PRIORS = {
    "its kind is known": (double(prior=PriorDraft(None)), {"prior": "must be normal or beta"}),
    "it is not of an int": (integer(prior=NORMAL), {"prior": "is not for type int"}),
    "it is not of a categorical": (
        categorical("a", "b", prior=NORMAL),
        {"prior": "is not for type categorical"},
    ),
    "it is not of a bool": (
        a_parameter_draft("heat", "bool", prior=NORMAL),
        {"prior": "is not for type bool"},
    ),
    "it is not together with a grid": (
        double(grid=(1.0, 2.0), prior=NORMAL),
        {"prior": "cannot be given together with a grid"},
    ),
    "it is not on a logarithmic scale": (
        double(log=True, prior=NORMAL),
        {"prior": "cannot be given together with a logarithmic transformation"},
    ),
    "a normal one has numbers": (
        double(prior=PriorDraft("normal")),
        {"prior.normal.mean": "is required", "prior.normal.scale": "is required"},
    ),
    "a mean is within the bounds": (
        double(prior=PriorDraft("normal", {"mean": 60.1, "scale": 1.0})),
        {"prior.normal.mean": "must be within the bounds, got 60.1"},
    ),
    "a mean is not NaN": (
        double(prior=PriorDraft("normal", {"mean": math.nan, "scale": 1.0})),
        {"prior.normal.mean": "must be a finite number, got nan"},
    ),
    "a scale is above 0": (
        double(prior=PriorDraft("normal", {"mean": 5.0, "scale": 0.0})),
        {"prior.normal.scale": "must be above 0, got 0.0"},
    ),
    "a scale is finite": (
        double(prior=PriorDraft("normal", {"mean": 5.0, "scale": math.inf})),
        {"prior.normal.scale": "must be a finite number, got inf"},
    ),
    "a beta one has numbers": (
        double(prior=PriorDraft("beta")),
        {"prior.beta.shape_a": "is required", "prior.beta.shape_b": "is required"},
    ),
    "shapes are above 0 and not too large": (
        double(prior=PriorDraft("beta", {"shape_a": -1.0, "shape_b": 1.1e6})),
        {
            "prior.beta.shape_a": "must be above 0 and at most 1e+06, got -1.0",
            "prior.beta.shape_b": "must be above 0 and at most 1e+06, got 1100000.0",
        },
    ),
    "a shape is not NaN": (
        double(prior=PriorDraft("beta", {"shape_a": math.nan, "shape_b": 1.0})),
        {"prior.beta.shape_a": "must be a finite number, got nan"},
    ),
}


@pytest.mark.parametrize(("draft", "expected"), FAULTY_PRIORS.values(), ids=FAULTY_PRIORS)
def test_a_prior_keeps_the_rule_that(refuses, draft, expected):
    refuses(
        lambda: defined(draft),
        {f"parameters[0].{path}": text for path, text in expected.items()},
    )


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (NORMAL, NormalPrior(5.0, 2.0)),
        (PriorDraft("normal", {"mean": 60.0, "scale": 1e-300}), NormalPrior(60.0, 1e-300)),
        (PriorDraft("beta", {"shape_a": 0.5, "shape_b": 1e6}), BetaPrior(0.5, 1e6)),
    ],
)
def test_a_faultless_prior_is_taken(draft, expected):
    (parameter,) = defined(double(prior=draft)).space.parameters

    assert parameter == DoubleParameter("heat", 1.0, 60.0, prior=expected)


def test_there_are_at_most_100_parameters(refuses):
    parameters = [a_parameter_draft(f"p{index}") for index in range(101)]

    assert len(defined(*parameters[:100]).space.parameters) == 100
    refuses(lambda: defined(*parameters), {"parameters": "must have at most 100, got 101"})


def test_names_of_parameters_differ(refuses):
    refuses(
        lambda: defined(double(), integer(), double()),
        {
            "parameters[1].name": "'heat' is the name of another parameter",
            "parameters[2].name": "'heat' is the name of another parameter",
        },
    )


def test_names_that_are_missing_are_not_called_equal(refuses):
    refuses(
        lambda: defined(a_parameter_draft(""), a_parameter_draft("")),
        {"parameters[0].name": "is required", "parameters[1].name": "is required"},
    )


def test_names_may_differ_in_case_alone():
    assert len(defined(a_parameter_draft("heat"), a_parameter_draft("Heat")).space.parameters) == 2


FAULTLESS_PARAMETERS = [
    (double(bounds=(0.0, 1e-8)), DoubleParameter("heat", 0.0, 1e-8)),
    (double(bounds=(0.0, LARGEST)), DoubleParameter("heat", 0.0, LARGEST)),
    (double(bounds=(1e-9, 1.0), log=True), DoubleParameter("heat", 1e-9, 1.0, log=True)),
    (
        double(grid=(3.0, -1.0, 2.0)),
        DoubleParameter("heat", -1.0, 3.0, grid=(-1.0, 2.0, 3.0)),
    ),
    (
        double(grid=(10.0, 1.0), log=True),
        DoubleParameter("heat", 1.0, 10.0, log=True, grid=(1.0, 10.0)),
    ),
    (integer(bounds=(-(2.0**53), 2.0**53)), IntParameter("heat", -(2**53), 2**53)),
    (integer(bounds=(0.0, 1.0)), IntParameter("heat", 0, 1)),
    (integer(bounds=(1.0, 2.0), log=True), IntParameter("heat", 1, 2, log=True)),
    (integer(grid=(8.0, 2.0)), IntParameter("heat", 2, 8, grid=(2, 8))),
    (categorical("b", "a"), CategoricalParameter("heat", ("b", "a"))),
    (categorical("s", "m", ordered=True), CategoricalParameter("heat", ("s", "m"), ordered=True)),
    (categorical("x" * 100, "é" * 100), CategoricalParameter("heat", ("x" * 100, "é" * 100))),
    (a_parameter_draft("heat", "bool"), BoolParameter("heat")),
    (a_parameter_draft("x" * 100), DoubleParameter("x" * 100, 1.0, 60.0)),
    (a_parameter_draft("température °C 🌡"), DoubleParameter("température °C 🌡", 1.0, 60.0)),
]


@pytest.mark.parametrize(("draft", "expected"), FAULTLESS_PARAMETERS)
def test_a_faultless_parameter_is_taken(draft, expected):
    (parameter,) = defined(draft).space.parameters

    assert parameter == expected


def test_int_parameters_hold_ints_though_messages_hold_doubles():
    (bounded, listed) = defined(
        a_parameter_draft("a", "int", bounds=(1.0, 9.0)),
        a_parameter_draft("b", "int", grid=(1.0, 9.0)),
    ).space.parameters

    assert all(type(each) is int for each in (bounded.low, bounded.high, *listed.grid))


def test_10000_values_make_a_grid_and_1000_a_categorical():
    (listed, named) = defined(
        a_parameter_draft("a", grid=tuple(float(each) for each in range(10_000))),
        a_parameter_draft("b", "categorical", categorical_values=tuple(map(str, range(1000)))),
    ).space.parameters

    assert len(listed.grid) == 10_000
    assert len(named.values) == 1000


def test_in_a_grid_every_number_has_a_grid(refuses):
    refuses(
        lambda: defined(
            a_parameter_draft("a", bounds=None),
            a_parameter_draft("b", "int", bounds=(0.5, 1.0)),
            a_parameter_draft("c", grid=(0.0, 1.0)),
            a_parameter_draft("d", "categorical"),
            a_parameter_draft("e", "bool"),
            grid=True,
        ),
        {
            "parameters[0].grid": "is required in an experiment of type grid",
            "parameters[1].grid": "is required in an experiment of type grid",
            "parameters[1].bounds.min": "whole number",
        },
    )
