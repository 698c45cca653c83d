"""What may be reported as the outcome of an evaluation, with the path of what may not."""

import math

import pytest
from tests.support.builders import (
    BREAD,
    a_constraint,
    a_grid_experiment,
    a_metric,
    a_space,
    an_experiment,
)

from nextpoint_service.domain.experiment import ExperimentType, Strategy
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.observation import Measurement
from nextpoint_service.domain.report import (
    ObservationDraft,
    ValueDraft,
    check_assignments,
    check_measurements,
    check_observation,
    given,
    measured,
    measurements,
)
from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace
from nextpoint_service.domain.violations import Violations

LIMITS = Limits()
OR_FAILED = "; an evaluation without one is reported as failed"
TASTE = ValueDraft("taste", 1.0)
TWO_METRICS = (a_metric("taste"), a_metric("cost", Strategy.STORE))
CELL = {"heat": 200.0, "minutes": 40, "steam": True}


def outcome(**fields):
    return ObservationDraft(**{"suggestion_id": "sug_1", "values": (TASTE,), **fields})


def own(**assignments):
    return outcome(suggestion_id="", assignments={**BREAD, **assignments})


# Which point

OUTCOMES = {
    "a suggestion or assignments are required": (
        outcome(suggestion_id=""),
        {"suggestion_id": "exactly one of a suggestion and assignments is required"},
    ),
    "empty assignments are none": (
        outcome(suggestion_id="", assignments={}),
        {"suggestion_id": "exactly one"},
    ),
    "a suggestion and assignments are one too many": (
        outcome(assignments=BREAD),
        {"suggestion_id": "exactly one"},
    ),
    "values are required": (outcome(values=()), {"values": "has no value for metric 'taste'"}),
    "a failure has no values": (
        outcome(failed=True),
        {"values": "must be absent when the evaluation failed"},
    ),
    "metadata keeps its rules": (
        outcome(metadata={"": "x", "oven": math.inf}),
        {"metadata['']": "the key must not be empty", "metadata['oven']": "finite number"},
    ),
    "everything is said at once": (
        outcome(assignments=BREAD, values=(ValueDraft("taste", None),), metadata={"a": math.nan}),
        {
            "suggestion_id": "exactly one",
            "values[0].value": "is required",
            "metadata['a']": "finite number",
        },
    ),
}


@pytest.mark.parametrize(("draft", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_outcome_keeps_the_rule_that(notes, draft, expected):
    notes(lambda found: check_observation(an_experiment(), draft, found, LIMITS), expected)


@pytest.mark.parametrize(
    "draft",
    [
        outcome(),
        outcome(values=(), failed=True),
        outcome(values=(ValueDraft("taste", -0.0, 0.0),)),
        outcome(metadata={"oven": "stone", "shelf": 2.0}),
        own(),
    ],
)
def test_a_faultless_outcome_is_taken(notes, draft):
    notes(lambda found: check_observation(an_experiment(), draft, found, LIMITS), {})


# Assignments

MISTYPED = {
    "a double is required": ("heat", None, "has no value"),
    "a double is no text": ("heat", "hot", "a finite double, got the string 'hot'"),
    "a double is no bool": ("heat", True, "a finite double, got the bool True"),
    "a double is no int": ("heat", 200, "a finite double, got the int 200"),
    "a double is not NaN": ("heat", math.nan, "a finite double, got nan"),
    "a double is finite": ("heat", math.inf, "a finite double, got inf"),
    "an int is required": ("minutes", None, "has no value"),
    "an int is no double": ("minutes", 40.0, "an int from -2^53 to 2^53, got the double 40.0"),
    "an int is no NaN": ("minutes", math.nan, "an int from -2^53 to 2^53, got the double nan"),
    "an int is no text": ("minutes", "40", "an int from"),
    "an int is no bool": ("minutes", True, "an int from"),
    "an int is at most 2^53": ("minutes", 2**53 + 1, "from -2^53 to 2^53, got 9007199254740993"),
    "an int is at least -2^53": ("minutes", -(2**53) - 1, "from -2^53 to 2^53"),
    "a category is required": ("flour", None, "has no value"),
    "a category is known": ("flour", "maize", "one of 'wheat', 'rye', 'spelt', got 'maize'"),
    "a category is a text": ("flour", 1, "one of 'wheat', 'rye', 'spelt', got the int 1"),
    "a bool is required": ("steam", None, "has no value"),
    "a bool is no int": ("steam", 1, "a bool, got the int 1"),
    "a bool is no text": ("steam", "true", "a bool, got the string 'true'"),
}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(("name", "value", "text"), MISTYPED.values(), ids=MISTYPED)
def test_an_assignment_keeps_the_rule_that(notes, inside, name, value, text):
    point = {**BREAD, name: value}

    notes(
        lambda found: check_assignments(a_space(), point, found, inside=inside),
        {f"assignments['{name}']": text},
    )


@pytest.mark.parametrize("inside", [True, False])
def test_every_missing_and_every_unknown_assignment_is_named(notes, inside):
    notes(
        lambda found: check_assignments(
            a_space(), {"heat": 200.0, "Steam": True, "it's": 1}, found, inside=inside
        ),
        {
            "assignments['minutes']": "is required",
            "assignments['flour']": "is required",
            "assignments['steam']": "is required",
            "assignments['Steam']": "there is no such parameter",
            'assignments["it\'s"]': "there is no such parameter",
        },
    )


def test_a_point_that_has_to_be_inside_is_named_where_it_is_outside(notes):
    point = {**BREAD, "heat": 240.1, "minutes": 19}

    notes(
        lambda found: check_assignments(a_space(), point, found, inside=True),
        {
            "assignments['heat']": "must be from 120.0 to 240.0, got 240.1",
            "assignments['minutes']": "must be from 20 to 60, got 19",
        },
    )


def test_every_constraint_that_a_point_violates_is_named():
    space = a_space(
        a_constraint(threshold=279.0),
        a_constraint(threshold=280.0),
        a_constraint(Comparison.GREATER_THAN, threshold=281.0),
    )
    violations = Violations()

    check_assignments(space, BREAD, violations, inside=True)

    assert [(each.field, each.description) for each in violations.found] == [
        ("assignments", "violate linear_constraints[0]"),
        ("assignments", "violate linear_constraints[2]"),
    ]


def test_constraints_are_not_looked_at_where_an_assignment_is_faulty(notes):
    space = a_space(a_constraint(threshold=0.0))

    notes(
        lambda found: check_assignments(space, {**BREAD, "minutes": 1.5}, found, inside=True),
        {"assignments['minutes']": "an int from"},
    )


OUTSIDE = {
    "a double below its bounds": {"heat": -5.0},
    "a double above its bounds": {"heat": 1e308},
    "an int below its bounds": {"minutes": -(2**53)},
    "an int above its bounds": {"minutes": 2**53},
    "a point beyond a constraint": {"heat": 240.0, "minutes": 60},
}


@pytest.mark.parametrize("assignments", OUTSIDE.values(), ids=OUTSIDE)
def test_an_outcome_of_ones_own_may_lie_outside_and_counts_as_outside(notes, assignments):
    space = a_space(a_constraint())
    draft = own(**assignments)

    notes(
        lambda found: check_observation(an_experiment(space=space), draft, found, LIMITS),
        {},
    )
    assert not space.contains(given(draft.assignments))


def test_an_outcome_of_ones_own_may_lie_between_the_values_of_a_grid(notes):
    space = SearchSpace((DoubleParameter("x", 0.0, 1.0, grid=(0.0, 1.0)),))
    draft = outcome(suggestion_id="", assignments={"x": 0.5})

    notes(lambda found: check_observation(an_experiment(space=space), draft, found, LIMITS), {})
    assert not space.contains({"x": 0.5})


@pytest.mark.parametrize("kind", [ExperimentType.OPTIMIZED, ExperimentType.RANDOM])
def test_an_unknown_category_is_refused_though_numbers_may_lie_outside(notes, kind):
    experiment = an_experiment(type=kind)

    notes(
        lambda found: check_observation(experiment, own(flour="maize"), found, LIMITS),
        {"assignments['flour']": "one of 'wheat', 'rye', 'spelt'"},
    )


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ({}, {}),
        ({"heat": 190.0}, {"assignments['heat']": "one of 180.0, 200.0, 220.0, got 190.0"}),
        ({"minutes": 35}, {"assignments['minutes']": "one of 30, 40, got 35"}),
    ],
)
def test_in_a_grid_outcomes_are_of_cells(notes, assignments, expected):
    draft = outcome(suggestion_id="", assignments={**CELL, **assignments})

    notes(
        lambda found: check_observation(a_grid_experiment(), draft, found, LIMITS),
        expected,
    )


def test_given_assignments_are_those_with_a_value():
    assert given({"heat": 0.0, "minutes": 0, "flour": None, "steam": False}) == {
        "heat": 0.0,
        "minutes": 0,
        "steam": False,
    }


# Values

VALUES = {
    "every metric has a value": (
        (),
        {"values": "has no value for metric"},
    ),
    "a name is required": (
        (TASTE, ValueDraft("cost", 1.0), ValueDraft("", 2.0), ValueDraft("", 2.0)),
        {"values[2].name": "is required", "values[3].name": "is required"},
    ),
    "a name is that of a metric": (
        (TASTE, ValueDraft("cost", 1.0), ValueDraft("Taste", 2.0)),
        {"values[2].name": "'Taste' is not a metric of the experiment"},
    ),
    "a metric has one value": (
        (TASTE, ValueDraft("cost", 1.0), TASTE),
        {"values[2].name": "'taste' is there already"},
    ),
    "a value is required": (
        (TASTE, ValueDraft("cost", None, 0.5)),
        {"values[1].value": "is required"},
    ),
    "a value is not NaN": (
        (ValueDraft("taste", math.nan), ValueDraft("cost", 1.0)),
        {"values[0].value": f"must be a finite number, got nan for 'taste'{OR_FAILED}"},
    ),
    "a value is finite": (
        (TASTE, ValueDraft("cost", -math.inf)),
        {"values[1].value": f"must be a finite number, got -inf for 'cost'{OR_FAILED}"},
    ),
    "a standard deviation is at least 0": (
        (ValueDraft("taste", 1.0, -1e-9), ValueDraft("cost", 1.0)),
        {"values[0].value_stddev": "must be finite and at least 0, got -1e-09"},
    ),
    "a standard deviation is not NaN": (
        (TASTE, ValueDraft("cost", 1.0, math.nan)),
        {"values[1].value_stddev": "must be finite and at least 0, got nan"},
    ),
    "a standard deviation is finite": (
        (TASTE, ValueDraft("cost", 1.0, math.inf)),
        {"values[1].value_stddev": "must be finite and at least 0, got inf"},
    ),
    "everything is said at once": (
        (ValueDraft("tast", None, -1.0),),
        {
            "values[0].name": "'tast' is not a metric",
            "values[0].value": "is required",
            "values[0].value_stddev": "at least 0",
            "values": "has no value for metric",
        },
    ),
}


@pytest.mark.parametrize(("values", "expected"), VALUES.values(), ids=VALUES)
def test_values_keep_the_rule_that(values, expected):
    violations = Violations()

    check_observation(
        an_experiment(metrics=TWO_METRICS), outcome(values=values), violations, LIMITS
    )

    assert {each.field for each in violations.found} == set(expected)
    assert all(expected[each.field] in each.description for each in violations.found)


def test_each_metric_without_a_value_is_named():
    violations = Violations()

    check_observation(an_experiment(metrics=TWO_METRICS), outcome(values=()), violations, LIMITS)

    assert [each.description for each in violations.found] == [
        "has no value for metric 'taste'",
        "has no value for metric 'cost'",
    ]


def test_what_a_run_logs_may_be_of_any_name(notes):
    logged = (ValueDraft("taste", 1.0), ValueDraft("loss", 2.0, 0.0))

    notes(lambda found: check_measurements(logged, found), {})


def test_measured_values_come_in_the_order_of_the_metrics():
    drafts = (ValueDraft("cost", 2.0, 0.5), ValueDraft("taste", 1.0))

    values = measured(an_experiment(metrics=TWO_METRICS), drafts)

    assert list(values.items()) == [
        ("taste", Measurement(1.0)),
        ("cost", Measurement(2.0, 0.5)),
    ]


def test_no_noise_is_not_the_same_as_unknown_noise():
    assert measurements((ValueDraft("a", 1.0, 0.0), ValueDraft("b", 1.0))) == {
        "a": Measurement(1.0, 0.0),
        "b": Measurement(1.0, None),
    }
