"""Conditionals where points are made: a flat space for what makes them, and back."""

import numpy as np
import pytest
from tests.unit.optimizer.problems import a_problem, at_most, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)
from nextpoint_service.optimizer import few_objectives, space_filling
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.branches import flattened, pruned
from nextpoint_service.optimizer.encoding import encode
from nextpoint_service.optimizer.layout import layout_of

STONE, STEEL = Condition("oven", ("stone",)), Condition("oven", ("steel",))
SPACE = SearchSpace(
    (
        DoubleParameter("heat", 0.0, 1.0),
        DoubleParameter("time", 0.0, 1.0),
        DoubleParameter("wood", 1e-4, 1.0, log=True, conditions=(STONE,)),
        IntParameter("bricks", 1, 9, conditions=(STONE,)),
        CategoricalParameter("rack", ("low", "high"), conditions=(STEEL,)),
        BoolParameter("steam", conditions=(STEEL, Condition("flour", ("rye",)))),
    ),
    (at_most(1.5, heat=1.0, time=1.0),),
    (Conditional("oven", ("stone", "steel")), Conditional("flour", ("oat", "rye"))),
)
OBSERVATIONS = [
    observed(
        {
            "oven": "stone",
            "flour": "oat",
            "heat": x,
            "time": 0.2,
            "wood": 0.01 + x / 2,
            "bricks": 2,
        },
        y=x,
    )
    for x in (0.1, 0.4, 0.6, 0.9)
] + [
    observed({"oven": "steel", "flour": "oat", "heat": x, "time": 0.1, "rack": "low"}, y=-x)
    for x in (0.2, 0.5, 0.8)
]


def points(phase, count, make=space_filling.propose, **fields):
    problem = a_problem(SPACE, observations=OBSERVATIONS, phase=phase, count=count, **fields)
    return [each.assignments for each in pruned(SPACE, make(flattened(problem)))]


def model(problem):
    return few_objectives.propose(problem, most_observations=500)


@pytest.mark.parametrize(
    ("phase", "make"),
    [
        (Phase.SPACE_FILLING, space_filling.propose),
        (Phase.RANDOM, space_filling.propose),
        (Phase.MODEL, model),
    ],
)
def test_points_have_the_parameters_that_are_there_and_no_others(phase, make):
    made = points(phase, 12, make)

    assert len(made) == 12
    assert all(SPACE.contains(each) for each in made)


@pytest.mark.parametrize("phase", [Phase.SPACE_FILLING, Phase.RANDOM])
def test_every_combination_of_conditionals_comes_about_as_often(phase):
    made = points(phase, 200)

    for oven in ("stone", "steel"):
        for flour in ("oat", "rye"):
            count = sum(each["oven"] == oven and each["flour"] == flour for each in made)
            assert 30 <= count <= 70


def test_points_that_differ_only_in_what_is_not_there_are_one():
    space = SearchSpace(
        (
            BoolParameter("steam", conditions=(STEEL,)),
            IntParameter("bricks", 1, 3, conditions=(STONE,)),
        ),
        conditionals=(Conditional("oven", ("stone", "steel")),),
    )
    problem = a_problem(space, phase=Phase.SPACE_FILLING, count=5)

    made = pruned(space, space_filling.propose(flattened(problem)))

    assert len({key(each.assignments) for each in made}) == 5


def test_an_observation_without_a_parameter_has_a_place():
    problem = flattened(a_problem(SPACE, observations=OBSERVATIONS, phase=Phase.MODEL))
    layout = layout_of(problem.experiment.space)
    encoded = [encode(layout.axes, each.assignments) for each in problem.observations]

    rows = layout.embedded(encoded)

    assert np.array_equal(layout.snapped(rows), rows)


def test_nothing_moves_what_is_not_there():
    layout = layout_of(flattened(a_problem(SPACE)).experiment.space)
    units = np.random.default_rng(0).random((64, len(layout.axes)))

    rows = layout.from_units(units)
    names = [each.parameter.name for each in layout.axes]
    stone = rows[:, layout.columns[names.index("oven")].start] > 0
    for name, there in (("wood", stone), ("bricks", stone), ("rack", ~stone)):
        columns = layout.columns[names.index(name)]
        assert len(np.unique(rows[~there][:, columns], axis=0)) == 1
        assert len(np.unique(rows[there][:, columns], axis=0)) > 1
        movable = np.array([layout.movable(row)[columns].any() for row in rows])
        assert not movable[~there].any()


def test_a_model_goes_on_in_the_branch_that_is_better():
    made = points(Phase.MODEL, 6, model)

    assert sum(each["oven"] == "stone" for each in made) >= 4
