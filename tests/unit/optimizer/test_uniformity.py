"""Random points under linear constraints are uniform: tests of distributions, with fixed seeds."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats
from tests.unit.optimizer.problems import a_problem, at_least, at_most, equals

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.search_space import DoubleParameter, IntParameter, SearchSpace
from nextpoint_service.optimizer import space_filling

UNLIKELY = 1e-3
"""How unlikely what is seen may be where points are uniform."""


def drawn(space, count):
    problem = a_problem(space, phase=Phase.RANDOM, count=count)
    points = [each.assignments for each in space_filling.propose(problem, seconds=60.0)]
    assert all(space.contains(point) for point in points)
    return np.array([[point[each.name] for each in space.parameters] for point in points])


def doubles(count, high=1.0):
    return tuple(DoubleParameter(f"x{index}", 0.0, high) for index in range(count))


def ints(count, high):
    return tuple(IntParameter(f"n{index}", 0, high) for index in range(count))


def each_of(parameters):
    return {each.name: 1.0 for each in parameters}


@pytest.mark.parametrize("flat", [True, False], ids=["face", "corner"])
def test_a_simplex(flat):
    parameters = doubles(8)
    sides = each_of(parameters)
    space = SearchSpace(parameters, (equals(1.0, **sides) if flat else at_most(1.0, **sides),))

    values = drawn(space, 1500)

    # A uniform point of a simplex has the Dirichlet distribution, whose marginals are beta.
    expected = stats.beta(1, 7 if flat else 8)
    likely = [stats.kstest(column, expected.cdf).pvalue for column in values.T]
    assert min(likely) > UNLIKELY
    if not flat:
        assert stats.kstest(1.0 - values.sum(axis=1), expected.cdf).pvalue > UNLIKELY


def test_a_thin_slab():
    thin = 1e-6
    space = SearchSpace(
        doubles(3),
        (at_most(thin, x0=1.0, x1=-1.0), at_least(-thin, x0=1.0, x1=-1.0)),
    )

    first, second, third = drawn(space, 1500).T

    for places in (first, third, (first - second) / thin / 2 + 0.5):
        assert stats.kstest(places, stats.uniform.cdf).pvalue > UNLIKELY


@pytest.mark.parametrize(
    ("constraints", "count"),
    [
        ((equals(10.0, n0=1.0, n1=1.0, n2=1.0),), 66),
        ((at_most(2.0, n0=1.0, n1=1.0, n2=1.0, n3=1.0, n4=1.0),), 21),
        ((equals(17.0, n0=2.0, n1=3.0, n2=5.0),), 8),
        ((at_least(28.0, n0=1.0, n1=1.0, n2=1.0), at_most(9.5, n0=1.0, n1=1e-6)), 4),
    ],
    ids=["face", "corner", "change of coins", "four points"],
)
def test_whole_numbers_that_can_be_listed(constraints, count):
    used = {term.name for constraint in constraints for term in constraint.terms}
    parameters = tuple(each for each in ints(5, 10) if each.name in used)

    seen = Counter(map(tuple, drawn(SearchSpace(parameters, constraints), 40 * count)))

    assert len(seen) == count
    assert stats.chisquare([*seen.values()]).pvalue > UNLIKELY


@pytest.mark.parametrize("high", [1000, 2**40])
def test_whole_numbers_that_are_too_many_to_list(high):
    parameters = ints(3, high)
    space = SearchSpace(parameters, (equals(float(high), **each_of(parameters)),))

    values = drawn(space, 1000)

    # As many points have this value as there are ways to share the rest between two.
    likely = [stats.kstest((each + 0.5) / (high + 1), stats.beta(1, 2).cdf) for each in values.T]
    assert min(each.pvalue for each in likely) > UNLIKELY


def test_whole_numbers_beside_a_real_one_that_follows_from_them():
    parameters = (*ints(2, 4), DoubleParameter("x", 0.0, 4.0))
    space = SearchSpace(parameters, (equals(4.0, **each_of(parameters)),))

    seen = Counter(map(tuple, drawn(space, 600)[:, :2]))

    assert len(seen) == 15
    assert stats.chisquare([*seen.values()]).pvalue > UNLIKELY


def test_whole_numbers_are_as_likely_as_the_reals_that_they_leave_are_long():
    parameters = (*ints(1, 9), *doubles(2))
    space = SearchSpace(parameters, (equals(9.25, **each_of(parameters)),))

    values = drawn(space, 600)

    low = values[values[:, 0] == 8]
    high = values[values[:, 0] == 9]
    assert stats.chisquare([len(low), len(high)], [450, 150]).pvalue > UNLIKELY
    # x0 + x1 is 1.25 beside an 8, so that x0 begins at 0.25, and 0.25 beside a 9.
    assert stats.kstest((low[:, 1] - 0.25) / 0.75, stats.uniform.cdf).pvalue > UNLIKELY
    assert stats.kstest(high[:, 1] / 0.25, stats.uniform.cdf).pvalue > UNLIKELY
