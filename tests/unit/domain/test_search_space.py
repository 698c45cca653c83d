"""Which points lie in a search space, and which cells a grid has."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import BREAD, a_constraint, a_grid, a_space

from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
    cell,
    cell_count,
    choices,
    range_problem,
    type_problem,
)

GREATER, LESS, EQUAL = Comparison


def test_a_point_inside_every_bound_is_in_the_space():
    assert a_space().contains(BREAD)


INSIDE = {
    "the lower end of a double": {"heat": 120.0},
    "the upper end of a double": {"heat": 240.0},
    "the lower end of an int": {"minutes": 20},
    "the upper end of an int": {"minutes": 60},
    "another category": {"flour": "spelt"},
    "false": {"steam": False},
}
NOT_INSIDE = {
    "a double below": {"heat": math.nextafter(120.0, 0.0)},
    "a double above": {"heat": math.nextafter(240.0, 999.0)},
    "an int below": {"minutes": 19},
    "an int above": {"minutes": 61},
    "an int for a double": {"heat": 200},
    "a double for an int": {"minutes": 40.0},
    "a bool for an int": {"minutes": True},
    "an int for a bool": {"steam": 1},
    "an unknown category": {"flour": "maize"},
    "no number": {"heat": math.nan},
    "one parameter too many": {"salt": 1.0},
}


@pytest.mark.parametrize("change", INSIDE.values(), ids=INSIDE)
def test_a_space_contains(change):
    assert a_space().contains({**BREAD, **change})


@pytest.mark.parametrize("change", NOT_INSIDE.values(), ids=NOT_INSIDE)
def test_a_space_does_not_contain(change):
    assert not a_space().contains({**BREAD, **change})


@pytest.mark.parametrize("missing", BREAD)
def test_a_point_without_a_parameter_is_not_in_the_space(missing):
    assert not a_space().contains({name: BREAD[name] for name in BREAD if name != missing})


def test_a_space_contains_what_is_on_its_grids_and_nothing_between():
    space = a_grid()

    assert space.contains({"heat": 200.0, "minutes": 30, "steam": True})
    assert not space.contains({"heat": 190.0, "minutes": 30, "steam": True})
    assert not space.contains({"heat": 200.0, "minutes": 35, "steam": True})


@pytest.mark.parametrize("threshold", [279.0, 280.0, 281.0])
@pytest.mark.parametrize("comparison", Comparison)
def test_a_space_contains_what_its_constraints_allow(comparison, threshold):
    space = a_space(a_constraint(comparison, threshold=threshold))

    # 200 + 2 * 40
    assert (
        space.contains(BREAD)
        == {
            GREATER: threshold <= 280.0,
            LESS: threshold >= 280.0,
            EQUAL: threshold == 280.0,
        }[comparison]
    )


def test_a_point_in_the_space_satisfies_every_constraint():
    space = a_space(a_constraint(LESS, threshold=300.0), a_constraint(GREATER, threshold=299.0))

    assert not space.contains(BREAD)


# Constraints


@pytest.mark.parametrize(
    ("comparison", "threshold", "excess"),
    [
        (GREATER, 282.0, 2.0),
        (GREATER, 277.0, -3.0),
        (LESS, 282.0, -2.0),
        (LESS, 277.0, 3.0),
        (EQUAL, 282.0, 2.0),
        (EQUAL, 277.0, 3.0),
        (EQUAL, 280.0, 0.0),
    ],
)
def test_the_excess_is_by_how_much_a_point_misses(comparison, threshold, excess):
    assert a_constraint(comparison, threshold=threshold).excess(BREAD) == excess


def test_a_sum_is_exact_where_adding_from_left_to_right_is_not():
    weights = {"a": 1e16, "b": 1.0, "c": -1e16}

    constraint = a_constraint(EQUAL, weights, threshold=1.0)

    assert constraint.excess({"a": 1.0, "b": 1.0, "c": 1.0}) == 0.0


def test_a_constraint_holds_up_to_the_rounding_of_its_terms():
    constraint = a_constraint(EQUAL, {"a": 1.0, "b": 1.0}, threshold=0.3)
    point = {"a": 0.1, "b": 0.2}

    assert point["a"] + point["b"] != 0.3
    assert constraint.holds(point)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("comparison", Comparison)
def test_the_tolerance_is_a_billionth_of_the_largest_term(comparison, scale):
    constraint = a_constraint(comparison, {"a": 1.0, "b": 1.0}, threshold=scale)
    direction = -1.0 if comparison is GREATER else 1.0

    def holds_when_missed_by(relative):
        return constraint.holds({"a": scale, "b": direction * relative * scale})

    assert holds_when_missed_by(0.9e-9)
    assert not holds_when_missed_by(1.1e-9)


@pytest.mark.parametrize("size", [1, 10**9, 2**50])
@pytest.mark.parametrize("comparison", Comparison)
def test_whole_numbers_with_whole_weights_are_given_no_tolerance(comparison, size):
    missed = -1 if comparison is GREATER else 1

    constraint = a_constraint(comparison, {"a": 2.0, "b": 2.0}, threshold=4.0 * size)

    assert constraint.holds({"a": size, "b": size})
    assert not constraint.holds({"a": size, "b": size + missed})


def test_a_constraint_of_zeros_holds_exactly_and_not_nearly():
    constraint = a_constraint(LESS, {"a": 1.0, "b": 1.0}, threshold=0.0)

    assert constraint.holds({"a": 0.0, "b": 0.0})
    assert not constraint.holds({"a": 1e-300, "b": 0.0})


@given(
    a=st.integers(-1000, 1000),
    b=st.integers(-1000, 1000),
    weights=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
    threshold=st.integers(-9000, 9000),
)
def test_of_whole_numbers_a_constraint_says_what_arithmetic_says(a, b, weights, threshold):
    terms = (Term("a", float(weights[0])), Term("b", float(weights[1])))
    total = a * weights[0] + b * weights[1]

    holds = {
        comparison: LinearConstraint(comparison, terms, float(threshold)).holds({"a": a, "b": b})
        for comparison in Comparison
    }

    assert holds == {
        GREATER: total >= threshold,
        LESS: total <= threshold,
        EQUAL: total == threshold,
    }


# Grids


@pytest.mark.parametrize(
    ("parameter", "listed"),
    [
        (CategoricalParameter("x", ("b", "a")), ("b", "a")),
        (BoolParameter("x"), (False, True)),
        (DoubleParameter("x", 0.0, 1.0, grid=(0.0, 0.5, 1.0)), (0.0, 0.5, 1.0)),
        (IntParameter("x", 0, 2, grid=(0, 2)), (0, 2)),
        (DoubleParameter("x", 0.0, 1.0), None),
        (IntParameter("x", 0, 2), None),
    ],
)
def test_choices_are_the_values_that_can_be_listed(parameter, listed):
    assert choices(parameter) == listed


def test_the_first_parameter_varies_fastest():
    cells = [tuple(cell(a_grid(), index).values()) for index in range(12)]

    assert cells == [
        (heat, minutes, steam)
        for steam, minutes, heat in product((False, True), (30, 40), (180.0, 200.0, 220.0))
    ]


def test_a_grid_has_every_combination_once_and_contains_it():
    space = SearchSpace((*a_grid().parameters, CategoricalParameter("flour", ("rye", "wheat"))))

    cells = [cell(space, index) for index in range(cell_count(space))]

    assert len({tuple(each.items()) for each in cells}) == len(cells) == 24
    assert all(space.contains(each) for each in cells)


@pytest.mark.parametrize("index", [-1, 12, 24])
def test_a_cell_that_is_not_there_is_an_error_and_not_another_one(index):
    with pytest.raises(ValueError, match=f"no cell {index}"):
        cell(a_grid(), index)


def test_a_space_without_a_grid_has_no_cells():
    assert cell_count(a_space()) == 0
    with pytest.raises(ValueError, match="'heat' has no grid"):
        cell(a_space(), 0)


def test_a_kind_that_nobody_knows_is_a_bug_and_not_a_guess():
    for ask in (
        lambda: choices("x"),
        lambda: type_problem("x", 1),
        lambda: range_problem("x", 1),
        lambda: a_constraint("at_most").excess(BREAD),
    ):
        with pytest.raises(AssertionError, match="unreachable"):
            ask()


def test_a_list_of_ten_choices_is_not_cut_in_a_message():
    grid = tuple(range(10))

    problem = range_problem(IntParameter("x", 0, 9, grid=grid), 10)

    assert problem == "must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got 10"


def test_a_long_list_of_choices_is_cut_in_a_message():
    values = tuple(f"v{index}" for index in range(11))
    problem = type_problem(CategoricalParameter("x", values), "w")

    assert problem == (
        "must be one of 'v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9',"
        " … (11 values), got 'w'"
    )
