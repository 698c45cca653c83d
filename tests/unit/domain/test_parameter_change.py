"""What can be changed of the parameters of an experiment, and what cannot."""

from dataclasses import replace

import pytest
from tests.support.builders import (
    BREAD,
    LATER,
    a_constraint,
    a_grid_experiment,
    a_space,
    an_experiment,
)

from nextpoint_service.domain.definition import ExperimentChange, change
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.prior_rules import PriorDraft
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
    translated,
)

LIMITS = Limits()
HEAT = ParameterDraft("heat", "double", bounds=(120.0, 240.0))
MINUTES = ParameterDraft("minutes", "int", bounds=(20.0, 60.0))
FLOUR = ParameterDraft("flour", "categorical", categorical_values=("wheat", "rye", "spelt"))
STEAM = ParameterDraft("steam", "bool")
AS_IT_IS = (HEAT, MINUTES, FLOUR, STEAM)
PRIOR = PriorDraft("normal", {"mean": 200.0, "scale": 10.0})


def changed(*drafts, experiment=None):
    new = ExperimentChange(frozenset({"parameters"}), parameters=drafts)
    return change(experiment or an_experiment(revision=4), new, LIMITS, LATER)


def names(experiment):
    return {each.name for each in experiment.space.parameters}


def with_heat(**fields):
    """Return the parameters as they are but for what the heat is given."""
    return (replace(HEAT, **fields), *AS_IT_IS[1:])


def test_parameters_as_they_are_make_no_suggestion_stale():
    assert changed(*AS_IT_IS) == replace(an_experiment(revision=4), updated=LATER)


def test_everything_but_type_and_scale_is_changed():
    after = changed(
        STEAM,
        replace(HEAT, bounds=(150.0, 300.0), prior=PRIOR),
        ParameterDraft("minutes", "int", grid=(60.0, 30.0)),
        replace(FLOUR, categorical_values=("oat", "rye"), ordered=True, default="oat"),
    )

    assert after.space == SearchSpace(
        (
            BoolParameter("steam"),
            DoubleParameter("heat", 150.0, 300.0, prior=NormalPrior(200.0, 10.0)),
            IntParameter("minutes", 30, 60, grid=(30, 60)),
            CategoricalParameter("flour", ("oat", "rye"), ordered=True, default="oat"),
        )
    )
    assert after.revision == 5


def test_a_parameter_is_removed_and_another_one_added():
    salt = ParameterDraft("salt", "double", bounds=(0.0, 3.0), default=1.0)

    after = changed(HEAT, MINUTES, STEAM, salt)

    assert names(after) == {"heat", "minutes", "steam", "salt"}
    assert after.space.parameters[-1].default == 1.0


def test_bounds_that_are_those_of_the_grid_are_ignored_as_they_are_read():
    gridded = an_experiment(
        space=SearchSpace((DoubleParameter("heat", 180.0, 220.0, grid=(180.0, 200.0, 220.0)),))
    )

    after = changed(
        ParameterDraft("heat", "double", bounds=(180.0, 220.0), grid=(220.0, 180.0)),
        experiment=gridded,
    )

    assert after.space.parameters[0].grid == (180.0, 220.0)


def test_a_default_that_is_unsaid_stays_though_it_lies_outside_of_new_bounds():
    before = changed(*with_heat(default=130.0))

    after = changed(*with_heat(bounds=(150.0, 200.0)), experiment=before)

    assert after.space.parameters[0] == DoubleParameter("heat", 150.0, 200.0, default=130.0)


FAULTY = {
    "at least one": ((), {"parameters": "must have at least one parameter"}),
    "no double name": (
        (*AS_IT_IS, HEAT),
        {"parameters[4].name": "'heat' is the name of another parameter"},
    ),
    "type": (
        (ParameterDraft("heat", "int", bounds=(120.0, 240.0)), *AS_IT_IS[1:]),
        {"parameters[0].type": "cannot be changed from double"},
    ),
    "scale": (
        with_heat(log=True),
        {"parameters[0].transformation": "cannot be changed: the scale is linear"},
    ),
    "the rules of a definition": (
        with_heat(bounds=(240.0, 120.0)),
        {"parameters[0].bounds.max": "must be above min"},
    ),
    "no default": (
        (*AS_IT_IS, ParameterDraft("salt", "double", bounds=(0.0, 3.0))),
        {"parameters[4].default_value": "is required for a parameter that is added"},
    ),
    "a default without a value": (
        (*AS_IT_IS, ParameterDraft("salt", "double", bounds=(0.0, 3.0), default=None)),
        {"parameters[4].default_value": "has no value"},
    ),
    "a default of another type": (
        (*AS_IT_IS, ParameterDraft("salt", "double", bounds=(0.0, 3.0), default=1)),
        {"parameters[4].default_value": "must be a finite double, got the int 1"},
    ),
    "a default outside": (
        (*AS_IT_IS, ParameterDraft("salt", "double", bounds=(0.0, 3.0), default=3.5)),
        {"parameters[4].default_value": "must be from 0.0 to 3.0, got 3.5"},
    ),
    "a default off the grid": (
        (*AS_IT_IS, ParameterDraft("salt", "int", grid=(0.0, 3.0), default=1)),
        {"parameters[4].default_value": "must be one of 0, 3, got 1"},
    ),
    "a default that is no category": (
        (*AS_IT_IS[:2], replace(FLOUR, default="oat"), STEAM),
        {"parameters[2].default_value": "must be one of 'wheat', 'rye', 'spelt', got 'oat'"},
    ),
    "everything at once": (
        (
            replace(HEAT, log=True),
            ParameterDraft("minutes", "bool"),
            ParameterDraft("salt", "bool"),
        ),
        {
            "parameters[0].transformation": "cannot be changed",
            "parameters[1].type": "cannot be changed from int",
            "parameters[2].default_value": "is required",
        },
    ),
}


@pytest.mark.parametrize(("drafts", "expected"), FAULTY.values(), ids=FAULTY)
def test_a_change_is_refused_for_its(refuses, drafts, expected):
    refuses(lambda: changed(*drafts), expected)


def test_a_default_whose_category_is_removed_has_to_be_replaced(refuses):
    before = changed(HEAT, MINUTES, replace(FLOUR, default="rye"), STEAM)
    fewer = replace(FLOUR, categorical_values=("wheat", "spelt"))

    refuses(
        lambda: changed(HEAT, MINUTES, fewer, STEAM, experiment=before),
        {"parameters[2].default_value": "must be one of 'wheat', 'spelt', got 'rye'"},
    )


CONSTRAINED = an_experiment(space=a_space(a_constraint()))
FROZEN = "cannot be changed: 'heat' is in linear_constraints[0]"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"bounds": (130.0, 240.0)}, "bounds"),
        ({"bounds": None, "grid": (120.0, 240.0)}, "grid"),
        ({"prior": PRIOR}, "prior"),
    ],
)
def test_a_parameter_in_a_linear_constraint_stays_as_it_is(refuses, fields, path):
    refuses(
        lambda: changed(*with_heat(**fields), experiment=CONSTRAINED),
        {f"parameters[0].{path}": FROZEN},
    )


def test_a_parameter_in_a_linear_constraint_is_not_removed(refuses):
    refuses(
        lambda: changed(MINUTES, FLOUR, STEAM, experiment=CONSTRAINED),
        {"parameters": "has no 'heat', which is in linear_constraints[0]"},
    )


def test_the_other_parameters_of_a_constrained_experiment_can_be_changed():
    after = changed(
        replace(HEAT, default=150.0),
        MINUTES,
        replace(FLOUR, categorical_values=("rye", "oat")),
        experiment=CONSTRAINED,
    )

    assert after.space.constraints == CONSTRAINED.space.constraints
    assert names(after) == {"heat", "minutes", "flour"}


def test_the_parameters_of_a_grid_cannot_be_changed(refuses):
    refuses(
        lambda: changed(*AS_IT_IS, experiment=a_grid_experiment()),
        {"parameters": "cannot be changed in an experiment of type grid"},
    )


SPACE = SearchSpace(
    (
        DoubleParameter("heat", 120.0, 150.0),
        CategoricalParameter("flour", ("oat", "rye"), default="rye"),
        BoolParameter("lid", default=False),
    )
)


def test_a_point_of_an_earlier_space_keeps_its_values_and_takes_the_defaults():
    assert translated(SPACE, BREAD) == {"heat": 200.0, "flour": "rye", "lid": False}
    assert translated(SPACE, {"heat": 99.0, "flour": "spelt"}) == {
        "heat": 99.0,
        "flour": "spelt",
        "lid": False,
    }


def test_a_value_of_another_type_is_that_of_another_parameter():
    assert translated(SPACE, {"heat": 130, "flour": True, "lid": True}) == {
        "flour": "rye",
        "lid": True,
    }


def test_a_point_of_the_space_is_returned_as_it_is():
    point = {"heat": 130.0, "flour": "rye", "lid": True}

    assert translated(SPACE, point) is point
