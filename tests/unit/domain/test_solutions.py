"""Several solutions: of each region the best, against their definition."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import NOW, a_metric, an_experiment, an_observation

from nextpoint_service.domain.distance import distance, place
from nextpoint_service.domain.experiment import Strategy
from nextpoint_service.domain.observation import best
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    SearchSpace,
)
from nextpoint_service.domain.solutions import apart, solutions

LINE = SearchSpace((DoubleParameter("x", 0.0, 1.0),))
SQUARE = SearchSpace((DoubleParameter("x", 0.0, 1.0), DoubleParameter("y", 0.0, 1.0)))
UNIT = st.floats(0.0, 1.0)


def on_the_line(*places):
    return [{"x": each} for each in places]


def found(count, *places):
    return [places[index] for index in solutions(LINE, count, on_the_line(*places))]


def test_a_point_near_a_better_one_is_no_solution():
    assert found(2, 0.2, 0.25, 0.8, 0.82, 0.3, 0.1) == [0.2, 0.8]


def test_a_slope_is_no_solution_however_far_it_goes():
    # From 0.2 on it goes down, each step nearer than 0.15 to the one before, and up again to 0.9.
    assert found(2, 0.2, 0.3, 0.4, 0.9, 0.5, 0.6, 0.95, 0.7) == [0.2, 0.9]


def test_a_point_exactly_as_far_as_need_be_is_one():
    assert found(2, 0.5, 0.5 + apart(LINE, 2), 0.0, 0.1) == [0.5, 0.5 + apart(LINE, 2)]


def test_many_points_on_the_first_hill_hide_no_other():
    first = [0.2 + each * 1e-3 for each in range(40)]

    assert found(2, *first, 0.9) == [0.2, 0.9]
    assert found(3, *first, 0.9, 0.6) == [0.2, 0.9, 0.6]


@pytest.mark.parametrize("count", [20, 40])
@pytest.mark.parametrize("heights", [{"a": 1.0, "b": 0.8}, {"a": 1.0, "b": 0.95, "c": 0.9}])
def test_each_category_has_its_solution(heights, count):
    # Nearly all points are of the best category, as of a search that converges.
    space = SearchSpace((CategoricalParameter("c", tuple(heights)), DoubleParameter("x", 0.0, 1.0)))
    places = [("a", (each + 0.5) / count) for each in range(count)]
    places += [(name, x) for name in heights for x in (0.4, 0.5, 0.55)]
    ranked = sorted(places, key=lambda each: 0.2 * (each[1] - 0.5) ** 2 - heights[each[0]])
    points = [{"c": name, "x": x} for name, x in ranked]

    chosen = [ranked[index] for index in solutions(space, len(heights), points)]

    assert chosen == [(name, 0.5) for name in heights]


def test_of_four_points_of_choices_each_is_a_solution():
    space = SearchSpace((CategoricalParameter("c", ("a", "b")), BoolParameter("f")))
    four = [{"c": name, "f": flag} for name in "ab" for flag in (False, True)]
    again = [four[0]] * 20

    assert solutions(space, 4, [*again, *four[1:]]) == [0, 20, 21, 22]


def test_there_are_no_more_than_wanted():
    assert found(2, *(each / 5 for each in range(6)), *[0.5] * 6) == [0.0, 0.2]


def test_many_solutions_need_less_room():
    assert apart(LINE, 2) == 0.15
    assert apart(LINE, 10) == pytest.approx(0.05)
    assert apart(SQUARE, 100) == pytest.approx(0.05)


@given(st.lists(st.tuples(UNIT, UNIT), max_size=30), st.integers(2, 6))
def test_a_solution_is_whoever_no_better_one_is_near(places, count):
    ranked = [{"x": x, "y": y} for x, y in places]
    least = apart(SQUARE, count)

    def is_top(index):
        here = place(SQUARE, ranked[index])
        return all(distance(here, place(SQUARE, each)) >= least for each in ranked[:index])

    tops = [index for index in range(len(ranked)) if is_top(index)]
    assert solutions(SQUARE, count, ranked) == tops[:count]


@pytest.mark.timeout(20)
def test_a_hundred_thousand_points_of_one_region_take_a_moment():
    places = [{"x": 0.5 + each * 1e-7, "y": 0.5} for each in range(100_000)]

    assert solutions(SQUARE, 2, places) == [0]


def observed(*rows):
    return [
        an_observation(
            None if value is None else {"a": value, "b": limited},
            observation_id=f"obs_{index}",
            assignments={"x": x},
            failed=value is None,
            created=NOW + index * timedelta(seconds=1),
        )
        for index, (x, value, limited) in enumerate(rows)
    ]


def test_the_best_of_an_experiment_with_several_solutions_are_its_solutions():
    experiment = an_experiment(
        space=LINE,
        metrics=(a_metric("a", minimize=True), a_metric("b", Strategy.CONSTRAINT, 0.0)),
        num_solutions=2,
        budget=10,
    )
    rows = [
        (0.5, None, 0.0),
        (0.5, 0.0, -1.0),
        (0.9, 2.0, 0.0),
        (0.2, 1.0, 0.0),
        (0.25, 1.0, 0.0),
        (0.85, 3.0, 0.0),
        (0.1, 5.0, 0.0),
    ]

    assert [each.observation_id for each in best(experiment, observed(*rows))] == ["obs_3", "obs_2"]
