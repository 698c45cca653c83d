import math
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.optimizer.problems import SQUARE, a_problem, at_least, at_most, equals, observed

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.axes import key, point_at

LARGEST = 2**53
AT_MOST, AT_LEAST, EQUAL = Comparison.LESS_THAN, Comparison.GREATER_THAN, Comparison.EQUAL
PHASES = (Phase.SPACE_FILLING, Phase.RANDOM)

linear_doubles = st.builds(
    lambda low, width: (low, low + width),
    st.sampled_from([0.0, -1.0, 1e-6, 3.7, -1e5]),
    st.sampled_from([1e-8, 1e-3, 1.0, 7.3, 1e6, 1e300]),
).filter(lambda ends: ends[1] - ends[0] >= 1e-8)
linear_ints = st.tuples(
    *2 * [st.sampled_from([-LARGEST, -1000, -1, 0, 1, 2, 5, 100, 10**6, LARGEST])]
).filter(lambda ends: ends[0] < ends[1])
LISTED = (
    DoubleParameter("", 1e-300, 1e-6, log=True),
    DoubleParameter("", 1e-6, 1e300, log=True),
    IntParameter("", 1, 2, log=True),
    IntParameter("", 1, LARGEST, log=True),
    DoubleParameter("", 0.1, 9.5, grid=(0.1, 2.25, 9.5)),
    IntParameter("", -3, 12, grid=(-3, 0, 12)),
    CategoricalParameter("", ("a", "b", "c")),
    BoolParameter(""),
)


@st.composite
def believed(draw):
    """A double with one of many priors, extreme ones among them."""
    low, high = draw(linear_doubles)
    mean = draw(st.sampled_from([low, (low + high) / 2, high]))
    shapes = st.sampled_from([1e-300, 0.1, 1.0, 7.0, 1e6])
    prior = draw(
        st.sampled_from([5e-324, 1e-3, 1.0, 1e300]).map(lambda scale: NormalPrior(mean, scale))
        | st.builds(BetaPrior, shapes, shapes)
    )
    return DoubleParameter("", low, high, prior=prior)


def renamed(parameter, name):
    values = {field: getattr(parameter, field) for field in parameter.__slots__}
    return type(parameter)(**{**values, "name": name})


@st.composite
def spaces(draw):
    """Spaces of all types, with up to three constraints that hold at some point."""
    free = st.one_of(
        linear_doubles.map(lambda ends: DoubleParameter("", *ends)),
        believed(),
        linear_ints.map(lambda ends: IntParameter("", *ends)),
        st.sampled_from(LISTED),
    )
    drawn = draw(st.lists(free, min_size=1, max_size=6))
    parameters = tuple(renamed(each, f"x{index}") for index, each in enumerate(drawn))
    linear = [
        each
        for each in parameters
        if isinstance(each, DoubleParameter | IntParameter) and not each.log and not each.grid
    ]
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    point = point_at(SearchSpace(parameters), random.random(len(parameters)))
    if len(linear) < 2:
        return SearchSpace(parameters)
    # What two equalities leave, or one on the edge of an inequality, can be known to rounding only.
    equal = draw(st.booleans())
    slacks = [0.1] if equal else [0.0, 0.1]
    comparisons = draw(st.lists(st.sampled_from([AT_MOST, AT_LEAST]), max_size=2))
    constraints = [draw(constraints_at(linear, point, each, slacks)) for each in comparisons]
    if equal:
        constraints.append(draw(constraints_at(linear, point, EQUAL, [0.0])))
    return SearchSpace(parameters, tuple(constraints))


@st.composite
def constraints_at(draw, linear, point, comparison, slacks):
    chosen = draw(
        st.lists(st.sampled_from(linear), min_size=2, max_size=4, unique_by=lambda each: each.name)
    )
    weights = st.sampled_from([1.0, -1.0, 2.0, 0.1, -3.5, 1e-4, 1e4])
    terms = tuple(Term(each.name, draw(weights)) for each in chosen)
    products = [term.weight * point[term.name] for term in terms]
    threshold = math.fsum(products)
    assume(math.isfinite(threshold))
    slack = draw(st.sampled_from(slacks)) * max(map(abs, products))
    return LinearConstraint(
        comparison, terms, threshold - slack if comparison is AT_LEAST else threshold + slack
    )


def points(proposals):
    return [proposal.assignments for proposal in proposals]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), phase=st.sampled_from(PHASES), seed=st.integers(0, 2**63))
def test_every_point_of_any_space_is_inside(space, phase, seed):
    made = points(space_filling.propose(a_problem(space, phase=phase, count=20, seed=seed)))

    assert len(made) == 20
    assert all(space.contains(point) for point in made)


def test_constraints_on_widths_that_are_far_apart_leave_points():
    narrow = DoubleParameter("x0", 0.0, 1e-8)
    space = SearchSpace(
        (narrow, IntParameter("x1", -1, 0), IntParameter("x2", -1, 1)),
        (equals(1.0000000051182163, x0=1.0, x1=1.0, x2=-1.0),),
    )

    (point,) = points(space_filling.propose(a_problem(space)))

    assert space.contains(point)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), phase=st.sampled_from(PHASES), first=st.integers(0, 50))
def test_a_problem_has_one_answer_and_the_next_index_goes_on_with_it(space, phase, first):
    all_at_once = points(space_filling.propose(a_problem(space, phase=phase, count=8, index=first)))
    again = points(space_filling.propose(a_problem(space, phase=phase, count=3, index=first)))
    rest = points(space_filling.propose(a_problem(space, phase=phase, count=5, index=first + 3)))
    # Where the sequence brings a point twice, a problem that knows of the first passes it over.
    assume(len({key(each) for each in [*again, *rest]}) == 8)

    assert again + rest == all_at_once


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "space",
    [
        pytest.param(
            SearchSpace(
                tuple(DoubleParameter(f"x{i}", 0.0, 1.0) for i in range(10)),
                (at_most(1.0, **{f"x{i}": 1.0 for i in range(10)}),),
            ),
            id="corner of a cube",
        ),
        pytest.param(
            SearchSpace(
                tuple(DoubleParameter(f"x{i}", 0.0, 1.0) for i in range(10)),
                (
                    at_most(1.0, **{f"x{i}": 1.0 for i in range(10)}),
                    at_least(0.999, **{f"x{i}": 1.0 for i in range(10)}),
                ),
            ),
            id="slab",
        ),
        pytest.param(
            SearchSpace(
                (DoubleParameter("a", 0.0, 0.1), DoubleParameter("b", -3e10, 0.7)),
                (at_most(0.0, a=0.1, b=1e-12), at_most(0.3, a=1e9, b=0.7)),
            ),
            id="weights and ranges of all sizes",
        ),
        pytest.param(
            SearchSpace(
                (IntParameter("a", -LARGEST, LARGEST), DoubleParameter("b", 0.0, 1.0)),
                (at_most(0.5, a=1e-15, b=1.0),),
            ),
            id="mixed",
        ),
    ],
)
def test_inequalities_hold_to_the_last_digit(space, phase):
    made = points(space_filling.propose(a_problem(space, phase=phase, count=50)))

    assert all(each.excess(point) <= 0 for each in space.constraints for point in made)
    assert all(space.contains(point) for point in made)
    assert len({key(point) for point in made}) == 50


@pytest.mark.parametrize("phase", PHASES)
def test_a_simplex_is_covered_evenly(phase):
    names = [f"x{index}" for index in range(10)]
    space = SearchSpace(
        tuple(DoubleParameter(name, 0.0, 1.0) for name in names),
        (equals(1.0, **dict.fromkeys(names, 1.0)),),
    )

    made = points(space_filling.propose(a_problem(space, phase=phase, count=400)))

    values = np.array([[point[name] for name in names] for point in made])
    # A uniform point of a simplex has the Dirichlet distribution.
    assert np.abs(values.mean(axis=0) - 0.1).max() < 0.025
    assert np.abs(values.std(axis=0) - math.sqrt(0.09 / 11)).max() < 0.025


def test_random_points_of_a_triangle_are_uniform():
    space = SearchSpace(
        (DoubleParameter("a", 0.0, 2.0), DoubleParameter("b", 0.0, 2.0)),
        (at_most(2.0, a=1.0, b=1.0),),
    )

    made = points(space_filling.propose(a_problem(space, phase=Phase.RANDOM, count=2000)))

    # Each of the four equal triangles inside the triangle has a quarter of the points.
    counts = [
        sum(point["a"] > 1 for point in made),
        sum(point["b"] > 1 for point in made),
        sum(point["a"] + point["b"] < 1 for point in made),
    ]
    assert all(abs(count - 500) < 80 for count in counts)


def test_a_thin_slab_is_crossed_from_end_to_end():
    space = SearchSpace(
        (DoubleParameter("a", 0.0, 1.0), DoubleParameter("b", 0.0, 1.0)),
        (at_most(1e-5, a=1.0, b=-1.0), at_least(-1e-5, a=1.0, b=-1.0)),
    )

    made = points(space_filling.propose(a_problem(space, phase=Phase.RANDOM, count=400)))

    assert abs(np.mean([point["a"] for point in made]) - 0.5) < 0.05
    assert abs(np.std([point["a"] for point in made]) - math.sqrt(1 / 12)) < 0.03


def test_whole_numbers_are_equally_likely_with_both_ends():
    space = SearchSpace((IntParameter("n", 3, 6), BoolParameter("b"), DoubleParameter("x", 0, 1)))

    made = points(space_filling.propose(a_problem(space, count=64)))

    assert sorted(point["n"] for point in made) == sorted([3, 4, 5, 6] * 16)
    assert sum(point["b"] for point in made) == 32


def test_a_logarithmic_scale_has_as_many_points_in_every_decade():
    space = SearchSpace((DoubleParameter("rate", 1e-4, 1.0, log=True),))

    made = points(space_filling.propose(a_problem(space, count=64)))

    decades = [math.floor(math.log10(point["rate"])) for point in made]
    assert [decades.count(each) for each in (-4, -3, -2, -1)] == [16] * 4


def test_the_single_point_of_a_region_is_found():
    space = SearchSpace(
        (DoubleParameter("a", 0.0, 1.0), DoubleParameter("b", 0.0, 1.0)),
        (at_least(2.0, a=1.0, b=1.0),),
    )

    made = points(space_filling.propose(a_problem(space, count=3)))

    assert made == [{"a": 1.0, "b": 1.0}] * 3


def test_an_equality_among_whole_numbers_holds_exactly():
    space = SearchSpace(
        tuple(IntParameter(name, 0, 10**6) for name in "abc"),
        (equals(1_000_003, a=3.0, b=5.0, c=7.0),),
    )

    made = points(space_filling.propose(a_problem(space, count=20)))

    assert all(3 * point["a"] + 5 * point["b"] + 7 * point["c"] == 1_000_003 for point in made)
    assert len({key(point) for point in made}) == 20


def test_known_points_are_passed_over_while_there_are_others():
    space = SearchSpace((IntParameter("n", 0, 99),))
    known = [{"n": n} for n in range(60)]
    pending = [{"n": n} for n in range(60, 98)]

    made = space_filling.propose(a_problem(space, known=known, pending=pending, count=2))

    assert sorted(point["n"] for point in points(made)) == [98, 99]
    assert all(not proposal.provenance.fallback_reason for proposal in made)


def test_the_last_free_cell_of_a_large_grid_is_found():
    space = SearchSpace(tuple(IntParameter(name, 0, 99) for name in "ab"))
    cells = [{"a": a, "b": b} for a in range(100) for b in range(100)]

    made = points(space_filling.propose(a_problem(space, known=cells[:-1])))

    assert made == cells[-1:]


def test_an_exhausted_space_repeats_what_was_tried_least():
    space = SearchSpace((BoolParameter("b"), CategoricalParameter("c", ("u", "v"))))
    cells = [{"b": b, "c": c} for b in (False, True) for c in "uv"]

    made = space_filling.propose(a_problem(space, known=[*cells, *cells[:3]], count=5))

    assert key(made[0].assignments) == key(cells[3])
    assert {key(each) for each in points(made[1:])} == {key(each) for each in cells}
    assert all("tried before" in each.provenance.fallback_reason for each in made)


@pytest.mark.parametrize("listed", [True, False])
def test_a_failed_point_is_not_repeated_while_another_one_did_not_fail(listed):
    numbers = (IntParameter("a", 0, 10**9), IntParameter("b", 0, 10**9))
    constraint = at_most(1.0, a=1.0, b=1.0)
    space = SearchSpace((BoolParameter("a"),)) if listed else SearchSpace(numbers, (constraint,))
    cells = [{"a": True}, {"a": False}] if listed else [{"a": 0, "b": 0}, {"a": 0, "b": 1}]
    more = [] if listed else [{"a": 1, "b": 0}]
    seen = [observed(each) for each in (cells[0], *more)] + [observed(cells[1], y=1.0)] * 3

    made = [
        space_filling.propose(a_problem(space, observations=seen, seed=seed, count=2))
        for seed in range(200 if listed else 5)
    ]

    assert all(points(each) == [cells[1]] * 2 for each in made)


def test_where_every_point_failed_those_that_did_so_least_often_come_again():
    space = SearchSpace((BoolParameter("a"),))
    seen = [observed({"a": each}) for each in (True, False, True)]

    (proposal,) = space_filling.propose(a_problem(space, observations=seen))

    assert proposal.assignments == {"a": False}
    assert proposal.provenance.fallback_reason


def test_random_points_do_not_regard_what_is_known():
    space = SearchSpace((IntParameter("n", 0, 3),))
    known = [{"n": n} for n in range(4)]

    free = space_filling.propose(a_problem(space, phase=Phase.RANDOM, count=20))
    made = space_filling.propose(
        a_problem(space, known=known, pending=known[:2], phase=Phase.RANDOM, count=20)
    )

    assert points(made) == points(free)
    assert all(not each.provenance.fallback_reason for each in made)


HARD = SearchSpace(
    tuple(IntParameter(f"x{index}", 0, 10) for index in range(5)),
    (equals(191178, x0=5463.0, x1=5750.0, x2=5695.0, x3=7957.0, x4=6385.0),),
)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_a_hard_equality_has_a_point_however_short_the_time(phase, seconds):
    made = points(space_filling.propose(a_problem(HARD, phase=phase, count=4), seconds=seconds))

    assert 1 <= len(made) <= 4
    assert all(HARD.contains(point) for point in made)


def test_the_time_for_points_that_are_hard_to_find_is_bounded():
    names = {f"x{index}": 2.0 * (50_000 + 7919 * index % 50_000) for index in range(12)}
    space = SearchSpace(
        tuple(IntParameter(name, 0, 10) for name in names), (equals(4_000_001, **names),)
    )
    began = time.process_time()

    with pytest.raises(space_filling.NoFeasiblePoint):
        space_filling.propose(a_problem(space, count=4), seconds=0.5)

    assert time.process_time() - began < 10


def test_an_exhausted_constrained_space_repeats_points_of_its_own():
    space = SearchSpace(
        (IntParameter("a", 0, 10**9), IntParameter("b", 0, 10**9)),
        (at_most(1.0, a=1.0, b=1.0),),
    )
    cells = [{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}]

    made = points(space_filling.propose(a_problem(space, known=cells, count=4)))

    assert len(made) == 4
    assert all(space.contains(point) for point in made)


def test_the_provenance_says_how_and_on_what_grounds():
    space = SearchSpace((DoubleParameter("x", 0.0, 1.0),))
    problem = a_problem(space, known=[{"x": 0.5}], pending=[{"x": 0.1}, {"x": 0.2}], seed=3)

    (proposal,) = space_filling.propose(problem)

    provenance = proposal.provenance
    assert provenance.generator is Generator.SPACE_FILLING
    assert (provenance.method, provenance.seed) == ("scrambled Sobol", 3)
    assert (provenance.observation_count, provenance.pending_count) == (1, 2)


def test_the_first_point_of_all_is_the_centre():
    first, second = space_filling.propose(a_problem(SQUARE, count=2))

    assert first.assignments == {"a": 0.5, "b": 0.5}
    assert (first.provenance.method, second.provenance.method) == ("centre", "scrambled Sobol")


def test_a_hundred_parameters_are_spread_evenly():
    space = SearchSpace(tuple(DoubleParameter(f"x{i}", 0.0, 1.0) for i in range(120)))

    made = points(space_filling.propose(a_problem(space, count=64, index=64)))

    for index in range(100):
        assert sorted(int(point[f"x{index}"] * 64) for point in made) == list(range(64))
    assert len({point["x119"] for point in made}) == 64
