"""Every rule of linear constraints, with the path of the field that breaks it."""

import math
from dataclasses import replace

import pytest
from tests.support.builders import NOW, a_constraint_draft, a_draft, a_parameter_draft

from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.definition import define
from nextpoint_service.domain.errors import InvalidRequest
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.parameter_rules import ParameterDraft

LIMITS = Limits()
AT_LEAST, AT_MOST, EQUAL = Comparison.GREATER_THAN, Comparison.LESS_THAN, Comparison.EQUAL


def defined(*parameters, constraints):
    draft = a_draft(parameters=parameters, constraints=constraints)
    return define(draft, LIMITS, "exp_1", NOW)


SPACE = (
    a_parameter_draft("heat"),
    a_parameter_draft("minutes", "int"),
    a_parameter_draft("salt", bounds=(0.1, 1.0), log=True),
    a_parameter_draft("water", grid=(1.0, 2.0)),
    a_parameter_draft("flour", "categorical"),
    a_parameter_draft("steam", "bool"),
    a_parameter_draft("far", bounds=(-1e308, 0.5e308)),
)


def twice(name):
    return ConstraintDraft(Comparison.EQUAL, (TermDraft(name, 1.0), TermDraft(name, 2.0)), 1.0)


FAULTY_CONSTRAINTS = {
    "a type is required": (
        a_constraint_draft(comparison=None),
        {"type": "must be greater_than, less_than or equal"},
    ),
    "a threshold is required": (a_constraint_draft(threshold=None), {"threshold": "is required"}),
    "a threshold is not NaN": (
        a_constraint_draft(threshold=math.nan),
        {"threshold": "must be a finite number, got nan"},
    ),
    "a threshold is finite": (a_constraint_draft(threshold=math.inf), {"threshold": "got inf"}),
    "terms are required": (a_constraint_draft({}), {"terms": "must be 2 to 100, got 0"}),
    "one term is what bounds are for": (
        a_constraint_draft({"heat": 1.0}),
        {"terms": "must be 2 to 100, got 1; a single parameter is limited by its bounds"},
    ),
    "a name is required": (
        a_constraint_draft({"heat": 1.0, "": 1.0}),
        {"terms[1].name": "is required"},
    ),
    "a name is that of a parameter": (
        a_constraint_draft({"heat": 1.0, "heet": 1.0}),
        {"terms[1].name": "there is no parameter 'heet'"},
    ),
    "a term is not there twice": (
        twice("heat"),
        {"terms[1].name": "'heat' is in this constraint already"},
    ),
    "a term is not categorical": (
        a_constraint_draft({"flour": 1.0, "heat": 1.0}),
        {"terms[0].name": "'flour' is not of type double or int"},
    ),
    "a term is not a bool": (
        a_constraint_draft({"heat": 1.0, "steam": 1.0}),
        {"terms[1].name": "'steam' is not of type double or int"},
    ),
    "a term is not logarithmic": (
        a_constraint_draft({"heat": 1.0, "salt": 1.0}),
        {"terms[1].name": "'salt' has a logarithmic transformation"},
    ),
    "a term has no grid": (
        a_constraint_draft({"heat": 1.0, "water": 1.0}),
        {"terms[1].name": "'water' has a grid"},
    ),
    "a weight is required": (
        a_constraint_draft({"heat": None, "minutes": 1.0}),
        {"terms[0].weight": "is required"},
    ),
    "a weight is not 0": (
        a_constraint_draft({"heat": 0.0, "minutes": 1.0}),
        {"terms[0].weight": "must be a finite number other than 0, got 0"},
    ),
    "a weight is not -0": (
        a_constraint_draft({"heat": -0.0, "minutes": 1.0}),
        {"terms[0].weight": "other than 0"},
    ),
    "a weight is not NaN": (
        a_constraint_draft({"heat": 1.0, "minutes": math.nan}),
        {"terms[1].weight": "got nan"},
    ),
    "a weight is finite": (
        a_constraint_draft({"heat": 1.0, "minutes": -math.inf}),
        {"terms[1].weight": "got -inf"},
    ),
    "a term within the bounds is a number": (
        a_constraint_draft({"heat": 1.0, "far": 2.0}),
        {"terms": "must not add up to more than the largest number"},
    ),
    "a sum within the bounds is a number": (
        a_constraint_draft({"heat": 1e307, "minutes": 1e307}),
        {"terms": "must not add up to more than the largest number"},
    ),
    "a sum less the threshold is a number": (
        a_constraint_draft({"heat": 1.0, "far": 1.0}, threshold=-1e308),
        {"terms": "must not add up to more than the largest number"},
    ),
    "everything is said at once": (
        ConstraintDraft(None, (TermDraft("", None), TermDraft("", 0.0)), None),
        {
            "type": "must be",
            "threshold": "is required",
            "terms[0].name": "is required",
            "terms[0].weight": "is required",
            "terms[1].name": "is required",
            "terms[1].weight": "other than 0",
        },
    ),
}


@pytest.mark.parametrize(
    ("constraint", "expected"), FAULTY_CONSTRAINTS.values(), ids=FAULTY_CONSTRAINTS
)
def test_a_linear_constraint_keeps_the_rule_that(refuses, constraint, expected):
    refuses(
        lambda: defined(*SPACE, constraints=(a_constraint_draft(), constraint)),
        {f"linear_constraints[1].{path}": text for path, text in expected.items()},
    )


def test_there_are_at_most_100_linear_constraints(refuses):
    constraints = (a_constraint_draft(),) * 101

    assert len(defined(*SPACE, constraints=constraints[:100]).space.constraints) == 100
    refuses(
        lambda: defined(*SPACE, constraints=constraints),
        {"linear_constraints": "must have at most 100, got 101"},
    )


def test_a_linear_constraint_has_at_most_100_terms(refuses):
    limits = replace(LIMITS, parameters=101)
    weights = {f"p{index}": 1.0 for index in range(101)}
    parameters = tuple(a_parameter_draft(name) for name in weights)
    too_long = a_constraint_draft(weights)
    long = replace(too_long, terms=too_long.terms[:100])
    draft = a_draft(parameters=parameters, constraints=(long, too_long))

    refuses(
        lambda: define(draft, limits, "exp_1", NOW),
        {"linear_constraints[1].terms": "must be 2 to 100, got 101"},
    )


def test_a_faulty_parameter_is_still_the_parameter_of_a_term(refuses):
    reversed_bounds = a_parameter_draft("minutes", "int", bounds=(2.0, 1.0))

    refuses(
        lambda: defined(a_parameter_draft(), reversed_bounds, constraints=(a_constraint_draft(),)),
        {"parameters[1].bounds.max": "above min"},
    )


@pytest.mark.parametrize("bounds", [None, (None, 1.0), (0.0, math.nan), (-math.inf, math.inf)])
def test_bounds_that_are_missing_are_no_fault_of_a_constraint(bounds):
    parameter = ParameterDraft("minutes", "double", bounds=bounds)

    with pytest.raises(InvalidRequest) as caught:
        defined(a_parameter_draft(), parameter, constraints=(a_constraint_draft(),))

    assert all(each.field.startswith("parameters[1]") for each in caught.value.violations)


def test_a_faultless_linear_constraint_is_taken():
    draft = a_constraint_draft({"minutes": -0.5, "heat": 3.0}, Comparison.EQUAL, 0.0)

    (constraint,) = defined(*SPACE, constraints=(draft,)).space.constraints

    terms = (Term("minutes", -0.5), Term("heat", 3.0))
    assert constraint == LinearConstraint(Comparison.EQUAL, terms, 0.0)


WHOLE = (
    a_parameter_draft("a", "int", bounds=(-4.0, 4.0)),
    a_parameter_draft("b", "int", bounds=(1.0, 9.0)),
    a_parameter_draft("x", bounds=(0.0, 1.0)),
)
UNREACHABLE = {
    "above every sum": ({"a": 2.0, "b": -1.0}, AT_LEAST, 7.5, "the sum is at most 7"),
    "below every sum": ({"a": 2.0, "b": -1.0}, AT_MOST, -17.5, "the sum is at least -17"),
    "an equality above every sum": ({"a": 1.0, "x": 1.0}, EQUAL, 5.1, "the sum is at most 5"),
    "an equality below every sum": ({"a": 1.0, "x": 1.0}, EQUAL, -4.1, "the sum is at least -4"),
    "off the common divisor": ({"a": 4.0, "b": -6.0}, EQUAL, 3.0, "a multiple of 2, and 3 is not"),
    "between whole numbers": ({"a": 1.0, "b": 1.0}, EQUAL, 0.5, "a multiple of 1, and 0.5 is not"),
}
REACHABLE = {
    "the largest sum": ({"a": 2.0, "b": -1.0}, AT_LEAST, 7.0),
    "the least sum": ({"a": 2.0, "b": -1.0}, AT_MOST, -17.0),
    "the sum at one end": ({"a": 1.0, "x": 1.0}, EQUAL, 5.0),
    "a multiple of the common divisor": ({"a": 4.0, "b": -6.0}, EQUAL, -8.0),
    "a multiple of nothing with a real number": ({"a": 4.0, "x": 6.0}, EQUAL, 3.0),
    "a sum of parts that are rounded": ({"a": 0.1, "b": 0.2}, EQUAL, 0.3),
}


@pytest.mark.parametrize(
    ("weights", "comparison", "threshold", "why"), UNREACHABLE.values(), ids=UNREACHABLE
)
def test_a_constraint_that_nothing_satisfies_is_refused_by_its_place(
    refuses, weights, comparison, threshold, why
):
    constraints = (
        a_constraint_draft({"a": 1.0}),
        a_constraint_draft(weights, comparison, threshold),
    )

    refuses(
        lambda: defined(*WHOLE, constraints=constraints),
        {"linear_constraints[0].terms": "must be 2 to 100", "linear_constraints[1]": why},
    )


@pytest.mark.parametrize(("weights", "comparison", "threshold"), REACHABLE.values(), ids=REACHABLE)
def test_a_constraint_that_something_satisfies_is_taken(weights, comparison, threshold):
    constraints = (a_constraint_draft(weights, comparison, threshold),)

    assert len(defined(*WHOLE, constraints=constraints).space.constraints) == 1
