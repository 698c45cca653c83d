import math

import numpy as np
import pytest
from tests.unit.optimizer.problems import at_least, at_most, equals

from nextpoint_service.domain.search_space import DoubleParameter, IntParameter, SearchSpace
from nextpoint_service.optimizer.feasibility import any_point, why_infeasible
from nextpoint_service.optimizer.linear_system import region
from nextpoint_service.optimizer.sequence import feasible_near

LARGEST = 2**53


def a_space(parameters, *constraints):
    return SearchSpace(tuple(parameters), constraints)


def doubles(names, low=0.0, high=1.0):
    return [DoubleParameter(name, low, high) for name in names]


def weighted_sum(weights, threshold):
    """Return a space of whole numbers from 0 to 10 whose weighted sum is the threshold."""
    names = [f"x{index}" for index in range(len(weights))]
    return a_space(ints(names, 0, 10), equals(threshold, **dict(zip(names, weights, strict=True))))


def random_sum(count, largest, *, factor=1, surplus=0):
    """Return a weighted sum that holds somewhere, but for the factor and the surplus."""
    random = np.random.default_rng((count, largest))
    weights = random.integers(largest // 10, largest, count)
    threshold = int(weights @ random.integers(0, 11, count))
    return weighted_sum([float(factor * each) for each in weights], factor * threshold + surplus)


def ints(names, low=0, high=100):
    return [IntParameter(name, low, high) for name in names]


@pytest.mark.parametrize(
    "space",
    [
        a_space(doubles("ab")),
        a_space(doubles("ab"), at_most(1.0, a=1.0, b=1.0)),
        a_space(doubles("ab"), equals(1.0, a=1.0, b=1.0)),
        a_space(doubles("ab"), at_least(2.0, a=1.0, b=1.0)),
        a_space(ints("ab"), equals(7.0, a=2.0, b=3.0)),
        a_space(ints("ab"), equals(0.3, a=0.1, b=0.2), equals(0, a=1.0, b=-1.0)),
        a_space(ints("ab", -LARGEST, LARGEST), equals(1.0, a=1.0, b=-1.0)),
        a_space([*ints("a"), *doubles("b")], equals(50.5, a=1.0, b=1.0)),
        a_space(doubles("ab", -1e300, 1e300), at_least(1e299, a=1.0, b=1e-300)),
        a_space(doubles("ab"), at_most(1e-300, a=1e-300, b=1e-300)),
        a_space(doubles("ab"), at_most(1e300, a=1e300, b=1e300)),
    ],
)
def test_a_region_with_a_point_is_feasible(space):
    assert why_infeasible(space) is None


@pytest.mark.parametrize(
    "space",
    [
        a_space(doubles("ab"), at_least(2.1, a=1.0, b=1.0)),
        a_space(doubles("ab"), equals(3.0, a=1.0, b=1.0)),
        a_space(ints("ab"), equals(7.0, a=2.0, b=4.0)),
        a_space(ints("ab", 0, 10**6), equals(7.0, a=6.0, b=4.0)),
        a_space(doubles("ab", 0.0, 1e-6), at_least(1e-5, a=1.0, b=1.0)),
    ],
)
def test_a_constraint_that_leaves_no_point_is_named(space):
    assert "linear_constraints[0]" in why_infeasible(space)


def test_only_constraints_that_exclude_each_other_are_named():
    space = a_space(
        doubles("abc"),
        at_most(1.5, a=1.0, c=1.0),
        at_most(0.5, a=1.0, b=1.0),
        at_least(0.1, b=1.0, c=1.0),
        at_least(0.6, a=1.0, b=1.0),
    )

    reason = why_infeasible(space)

    assert "linear_constraints[1] and linear_constraints[3]" in reason
    assert "[0]" not in reason
    assert "[2]" not in reason


def test_whole_numbers_between_two_planes_are_looked_for_in_vain():
    space = a_space(
        ints("ab", 0, 10),
        at_least(3.2, a=1.0, b=1.0),
        at_most(3.8, a=1.0, b=1.0),
    )

    assert "linear_constraints[0] and linear_constraints[1]" in why_infeasible(space)


# HiGHS needs more than 2000 nodes for some of these.
@pytest.mark.parametrize(
    "space",
    [
        weighted_sum((5463.0, 5750.0, 5695.0, 7957.0, 6385.0), 191178),
        random_sum(5, 10**4),
        random_sum(5, 10**5),
        random_sum(10, 10**3),
        random_sum(10, 10**4),
    ],
)
def test_an_equality_that_few_whole_numbers_satisfy_is_feasible(space):
    assert why_infeasible(space) is None
    assert space.contains(any_point(space, math.inf))


def test_that_no_point_was_found_is_not_said_to_prove_that_there_is_none():
    even_weights_and_an_odd_sum = random_sum(10, 10**4, factor=2, surplus=1)

    assert why_infeasible(even_weights_and_an_odd_sum, seconds=0.2) == (
        "no point that satisfies the linear constraints was found within 0.2 s"
    )


@pytest.mark.parametrize("largest", [10**6, 10**9, 2**40])
def test_an_odd_sum_of_even_weights_is_infeasible_however_large_it_is(largest):
    space = a_space(ints("ab", 0, largest), equals(largest // 2 * 2 + 1, a=2.0, b=2.0))

    assert why_infeasible(space, seconds=0.5) is not None


@pytest.mark.parametrize("largest", [10**6, 10**9, 2**40])
def test_a_large_sum_that_can_be_is_found_exactly(largest):
    space = a_space(ints("ab", 0, largest), equals(largest // 2 * 2, a=2.0, b=2.0))

    point = any_point(space, math.inf)

    assert 2 * point["a"] + 2 * point["b"] == largest // 2 * 2


@pytest.mark.parametrize("hair", [0.0, 1e-15, 1e-13, 1e-11])
def test_a_point_moved_into_a_corner_is_in_the_corner(hair):
    corner = SearchSpace(tuple(doubles("ab")), (at_most(1.5, a=1, b=1),))

    point = {"a": 1.0 - hair, "b": 0.5 + 3 * hair}
    near = feasible_near(corner, region(corner), point, until=math.inf)

    assert near == {"a": 1.0, "b": 0.5}


def test_what_holds_an_equality_is_not_rounded():
    line = SearchSpace(tuple(doubles("ab")), (equals(1 / 3, a=1, b=1),))

    near = feasible_near(line, region(line), {"a": 0.2, "b": 0.2}, until=math.inf)

    assert near is not None
    assert line.constraints[0].excess(near) < 1e-15
