"""Points for several solutions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.optimizer.problems import (
    BELIEVED,
    FLAT,
    NAMES,
    SQUARE,
    WHOLE,
    a_problem,
    observed,
    points,
)

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.observation import best
from nextpoint_service.domain.search_space import BoolParameter, SearchSpace
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import regions

Y = Metric("y")
METHOD = "GP expected improvement by region"
HIGHER, LOWER = (0.25, 0.3), (0.75, 0.7)


def hills(point):
    """Two hills, the second of which is a little lower."""
    place = (point["a"], point["b"])
    return sum(
        height * math.exp(-(math.dist(place, top) ** 2) / 0.04)
        for top, height in ((HIGHER, 1.0), (LOWER, 0.8))
    )


def problem(observations, space=SQUARE, metrics=(Y,), solutions=2, turn=0, **fields):
    made = a_problem(
        space, observations=observations, metrics=metrics, phase=Phase.MODEL, index=turn, **fields
    )
    return replace(made, experiment=replace(made.experiment, budget=50, num_solutions=solutions))


def proposals(*args, **fields):
    return regions.propose(problem(*args, **fields), most_observations=500)


def the_point(*args, **fields):
    (proposal,) = proposals(*args, **fields)
    assert proposal.provenance.generator is Generator.MODEL, proposal.provenance
    return proposal.assignments


def seen(value=hills, count=30):
    return [observed(point, y=value(point)) for point in points(SQUARE, count)]


def far(point, place):
    return math.dist((point["a"], point["b"]), place)


def test_each_hill_has_its_turn():
    assert far(the_point(seen(), turn=0), HIGHER) < 0.1
    assert far(the_point(seen(), turn=1), LOWER) < 0.1


def test_one_turn_more_looks_where_little_is_known():
    gap = (0.8, 0.2)
    known = [each for each in seen(count=80) if far(each.assignments, gap) > 0.25]

    assert far(the_point(known, turn=2), gap) < 0.3


def test_turns_for_which_there_is_no_hill_look_elsewhere():
    one = seen(lambda point: -(far(point, HIGHER) ** 2))

    found = the_point(one, turn=1)

    assert far(found, HIGHER) > 0.15


def test_less_is_better_where_it_is_minimized():
    metrics = [Metric("y", Objective.MINIMIZE)]

    found = the_point(seen(lambda point: -hills(point)), metrics=metrics, turn=1)

    assert far(found, LOWER) < 0.1


def test_a_hill_on_which_a_constraint_is_missed_is_none():
    limited = Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5)
    made = [observed(point, y=hills(point), c=point["a"]) for point in points(SQUARE, 30)]

    assert far(the_point(made, metrics=[Y, limited], turn=0), LOWER) < 0.15


def test_points_keep_away_from_where_evaluations_fail():
    made = [
        observed(point) if point["a"] < 0.5 else observed(point, y=hills(point))
        for point in points(SQUARE, 40)
    ]

    assert far(the_point(made, turn=0), LOWER) < 0.15


def test_most_evaluations_do_not_fail_where_both_tops_lie_beyond_an_edge():
    def outcome(point):
        fails = point["a"] > 0.65 or point["b"] < 0.35
        return observed(point, **({} if fails else {"y": hills(point)}))

    made = [outcome(point) for point in points(SQUARE, 8)]
    for turn in range(24):
        made.append(outcome(the_point(made, turn=8 + turn)))

    assert sum(each.failed for each in made[8:]) < 12


def test_points_keep_away_from_points_under_way():
    first = the_point(seen())

    assert far(first, tuple(the_point(seen(), pending=[first]).values())) > 1e-3


def test_the_points_of_a_batch_have_turns_too():
    first, second = (each.assignments for each in proposals(seen(), count=2, turn=0))

    assert far(first, HIGHER) < 0.1
    assert far(second, LOWER) < 0.1


def test_both_tops_are_found():
    made = seen(count=8)
    for turn in range(22):
        point = the_point(made, turn=8 + turn)
        made.append(observed(point, y=hills(point)))

    first, second = best(problem(made).experiment, made)

    assert far(first.assignments, HIGHER) < 0.03
    assert far(second.assignments, LOWER) < 0.03


@pytest.mark.parametrize(
    ("space", "method"),
    [(BELIEVED, f"{METHOD}, by prior"), (FLAT, METHOD), (WHOLE, METHOD), (NAMES, METHOD)],
)
@pytest.mark.parametrize("turn", range(4))
def test_no_point_leaves_the_space(space, method, turn):
    random = np.random.default_rng(turn)
    some = points(space, 8, turn)
    made = [
        observed(each) if index == 3 else observed(each, y=float(random.random()))
        for index, each in enumerate(some[:6])
    ]

    found = proposals(made, space, solutions=3, count=2, turn=turn, pending=some[6:], seed=turn)

    assert all(space.contains(each.assignments) for each in found)
    assert {each.provenance.method for each in found} == {method}


@pytest.mark.parametrize(
    "value", [lambda _: 1.0, lambda point: 1e300 * hills(point), lambda point: (hills(point), 0.1)]
)
@pytest.mark.parametrize("turn", range(3))
def test_odd_data_yield_a_point(value, turn):
    the_point(seen(value, count=6), turn=turn)


def test_the_provenance_tells_what_is_expected():
    (proposal,) = proposals(seen(), pending=[{"a": 0.9, "b": 0.1}])

    provenance = proposal.provenance
    assert (provenance.observation_count, provenance.pending_count) == (30, 1)
    assert provenance.predictions["y"].mean == pytest.approx(1.0, abs=0.2)
    assert math.isfinite(provenance.acquisition_value)


def test_equal_problems_have_equal_answers():
    assert proposals(seen()) == proposals(seen())


def test_a_space_that_is_used_up_repeats_a_point_and_says_why():
    space = SearchSpace((BoolParameter("flag"),))
    made = [observed({"flag": flag}, y=float(flag)) for flag in (False, True)]

    (proposal,) = proposals(made, space)

    assert proposal.provenance.generator is Generator.SPACE_FILLING


@pytest.mark.timeout(60)
def test_a_hundred_solutions_are_looked_for():
    the_point(seen(lambda point: math.sin(40 * point["a"]), 60), solutions=100, turn=99)
