"""Conditionals: what may be defined, and which parameters a point has."""

from dataclasses import replace

import pytest
from tests.support.builders import (
    NOW,
    a_constraint_draft,
    a_draft,
    a_parameter_draft,
    an_experiment,
)

from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.definition import ExperimentChange, change, define
from nextpoint_service.domain.experiment import ExperimentType
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.report import check_assignments
from nextpoint_service.domain.search_space import (
    BoolParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
    translated,
)

LIMITS = Limits()
OVEN = Conditional("oven", ("stone", "steel"))
FLOUR = Conditional("flour", ("rye", "oat", "wheat"))
HEAT = a_parameter_draft("heat")


def under(name="steam", **conditions):
    drafts = tuple(Condition(each, values) for each, values in conditions.items())
    return a_parameter_draft(name, "bool", conditions=drafts)


def defined(*parameters, conditionals=(OVEN, FLOUR), **fields):
    fields = {"parameters": parameters, "conditionals": conditionals, **fields}
    return define(a_draft(**fields), LIMITS, "exp_1", NOW)


def test_conditions_are_kept_in_the_order_of_the_conditionals_and_their_values():
    experiment = defined(HEAT, under(flour=("wheat", "rye"), oven=("steel",)))

    assert experiment.space.conditionals == (
        Conditional("oven", ("stone", "steel")),
        Conditional("flour", ("rye", "oat", "wheat")),
    )
    assert experiment.space.parameters[1] == BoolParameter(
        "steam", conditions=(Condition("oven", ("steel",)), Condition("flour", ("rye", "wheat")))
    )


FAULTY_CONDITIONALS = {
    "a name": (Conditional("", ("a", "b")), {"conditionals[1].name": "is required"}),
    "a name of its own": (
        Conditional("oven", ("a", "b")),
        {"conditionals[1].name": "'oven' is the name of another conditional"},
    ),
    "a name that no parameter has": (
        Conditional("heat", ("a", "b")),
        {"conditionals[1].name": "'heat' is the name of a parameter"},
    ),
    "two values": (Conditional("flour", ("a",)), {"conditionals[1].values": "at least 2"}),
    "different values": (
        Conditional("flour", ("a", "b", "a")),
        {"conditionals[1].values[2]": "'a' is there already"},
    ),
    "no empty value": (
        Conditional("flour", ("a", "")),
        {"conditionals[1].values[1]": "must not be empty"},
    ),
}


@pytest.mark.parametrize(
    ("faulty", "expected"), FAULTY_CONDITIONALS.values(), ids=FAULTY_CONDITIONALS
)
def test_a_conditional_has(refuses, faulty, expected):
    refuses(lambda: defined(HEAT, conditionals=(OVEN, faulty)), expected)


def test_that_names_are_missing_is_said_once_of_each(refuses):
    nameless = Conditional("", ("a", "b"))

    refuses(
        lambda: defined(HEAT, conditionals=(nameless, nameless)),
        {"conditionals[0].name": "is required", "conditionals[1].name": "is required"},
    )


FAULTY_CONDITIONS = {
    "name a conditional": (
        {"grill": ("a",)},
        {"conditions[0].name": "there is no conditional 'grill'"},
    ),
    "have values": ({"oven": ()}, {"conditions[0].values": "at least one value of 'oven'"}),
    "have values of the conditional": (
        {"oven": ("steel", "clay")},
        {"conditions[0].values[1]": "'clay' is not a value of 'oven'"},
    ),
    "have different values": (
        {"oven": ("steel", "steel")},
        {"conditions[0].values[1]": "'steel' is there already"},
    ),
}


@pytest.mark.parametrize(("given", "expected"), FAULTY_CONDITIONS.values(), ids=FAULTY_CONDITIONS)
def test_conditions(refuses, given, expected):
    paths = {f"parameters[1].{path}": text for path, text in expected.items()}

    refuses(lambda: defined(HEAT, under(**given)), paths)


def test_a_conditional_has_one_condition_of_a_parameter(refuses):
    twice = (Condition("oven", ("steel",)), Condition("oven", ("stone",)))
    parameter = a_parameter_draft("steam", "bool", conditions=twice)

    refuses(
        lambda: defined(HEAT, parameter),
        {"parameters[1].conditions[1].name": "'oven' has a condition already"},
    )


def test_under_every_combination_there_is_a_parameter(refuses):
    covered = (
        under("a", oven=("stone",)),
        under("b", oven=("steel",), flour=("rye", "oat")),
    )

    refuses(
        lambda: defined(*covered),
        {"parameters": "where 'oven' is 'steel' and 'flour' is 'wheat'"},
    )
    assert defined(*covered, under("c", flour=("wheat",)))


def test_combinations_are_counted_before_they_are_looked_at(refuses):
    switches = tuple(Conditional(f"s{n}", ("a", "b")) for n in range(14))

    refuses(
        lambda: defined(under(s0=("a",)), conditionals=switches),
        {"conditionals": "at most 10000 combinations of values"},
    )
    assert defined(HEAT, under(s0=("a",)), conditionals=switches)


def test_a_parameter_with_conditions_is_in_no_linear_constraint(refuses):
    minutes = a_parameter_draft("minutes", conditions=(Condition("oven", ("steel",)),))

    refuses(
        lambda: defined(HEAT, minutes, constraints=(a_constraint_draft(),)),
        {"linear_constraints[0].terms[1].name": "'minutes' has conditions"},
    )


def test_a_grid_has_no_conditionals(refuses):
    grid = a_parameter_draft("heat", grid=(1.0, 2.0))

    refuses(
        lambda: defined(grid, type=ExperimentType.GRID),
        {"conditionals": "are not for type grid"},
    )


def test_several_solutions_have_no_conditionals(refuses):
    refuses(
        lambda: defined(HEAT, num_solutions=2, budget=9),
        {"num_solutions": "must be 1 with conditionals"},
    )


SPACE = SearchSpace(
    (
        DoubleParameter("heat", 0.0, 1.0),
        IntParameter("bricks", 1, 9, conditions=(Condition("oven", ("stone",)),)),
        BoolParameter("steam", conditions=(Condition("oven", ("steel", "clay")),)),
    ),
    conditionals=(Conditional("oven", ("stone", "steel", "clay")),),
)


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ({"oven": "stone", "heat": 0.5, "bricks": 3}, True),
        ({"oven": "clay", "heat": 0.5, "steam": True}, True),
        ({"oven": "stone", "heat": 0.5, "bricks": 3, "steam": True}, False),
        ({"oven": "stone", "heat": 0.5, "steam": True}, False),
        ({"oven": "stone", "heat": 0.5}, False),
        ({"oven": "gas", "heat": 0.5}, False),
        ({"heat": 0.5, "bricks": 3}, False),
    ],
)
def test_a_space_contains_what_has_the_parameters_that_are_there(point, inside):
    assert SPACE.contains(point) is inside


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (
            {"oven": "stone", "heat": 0.5, "steam": True},
            {
                "assignments['bricks']": "is required",
                "assignments['steam']": "must be absent where its conditions do not hold",
            },
        ),
        ({"heat": 0.5, "bricks": 3, "steam": True}, {"assignments['oven']": "is required"}),
        (
            {"oven": "gas", "heat": 0.5, "bricks": 3},
            {"assignments['oven']": "must be one of 'stone', 'steel', 'clay', got 'gas'"},
        ),
        (
            {"oven": "stone", "heat": 0.5, "bricks": 3, "grill": 1},
            {"assignments['grill']": "there is no such parameter"},
        ),
    ],
)
def test_assignments_are_judged_by_the_parameters_that_are_there(notes, point, expected):
    notes(lambda found: check_assignments(SPACE, point, found, inside=False), expected)


def test_what_is_not_there_takes_no_default():
    grown = replace(
        SPACE,
        parameters=(
            *SPACE.parameters,
            IntParameter("logs", 1, 9, default=2, conditions=(Condition("oven", ("stone",)),)),
        ),
    )

    assert translated(grown, {"oven": "stone", "heat": 0.5, "bricks": 3})["logs"] == 2
    assert "logs" not in translated(grown, {"oven": "clay", "heat": 0.5, "steam": True})


UNDER_WAY = an_experiment(space=SPACE)
AS_THEY_ARE = (
    a_parameter_draft("heat", bounds=(0.0, 1.0)),
    a_parameter_draft("bricks", "int", bounds=(1.0, 9.0)),
    a_parameter_draft("steam", "bool"),
)


def changed(*parameters):
    fields = ExperimentChange(frozenset(["parameters"]), parameters=parameters)
    return change(UNDER_WAY, fields, LIMITS, NOW).space


def test_conditions_that_are_not_said_stay_as_they_are():
    assert changed(*AS_THEY_ARE) == SPACE


def test_conditions_that_are_said_again_are_no_change():
    bricks = replace(AS_THEY_ARE[1], conditions=(Condition("oven", ("stone",)),))

    assert changed(AS_THEY_ARE[0], bricks, AS_THEY_ARE[2]) == SPACE


def test_conditions_cannot_be_changed(refuses):
    heat = replace(AS_THEY_ARE[0], conditions=(Condition("oven", ("stone",)),))

    refuses(
        lambda: changed(heat, *AS_THEY_ARE[1:]),
        {"parameters[0].conditions": "cannot be changed"},
    )


def test_a_parameter_that_is_added_can_have_conditions_but_not_the_name_of_a_conditional(refuses):
    logs = a_parameter_draft(
        "logs", "bool", default=False, conditions=(Condition("oven", ("stone",)),)
    )

    (*_, added) = changed(*AS_THEY_ARE, logs).parameters
    assert added.conditions == (Condition("oven", ("stone",)),)
    refuses(
        lambda: changed(*AS_THEY_ARE, replace(logs, name="oven")),
        {"parameters[3].name": "'oven' is the name of a conditional"},
    )


def test_what_is_left_of_the_parameters_covers_every_combination(refuses):
    refuses(
        lambda: changed(AS_THEY_ARE[1]),
        {"parameters": "must have one that is there where 'oven' is 'steel'"},
    )
