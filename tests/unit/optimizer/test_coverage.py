"""Points that cover the region in which the constraints are satisfied."""

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
from nextpoint_service.domain.search_space import (
    BoolParameter,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import coverage

HIGH = Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5)


def problem(observations, space=SQUARE, metrics=(HIGH,), budget=40, **fields):
    fields = {"index": len(observations), **fields}
    made = a_problem(space, observations=observations, metrics=metrics, phase=Phase.MODEL, **fields)
    return replace(made, experiment=replace(made.experiment, budget=budget))


def proposals(*args, **fields):
    return coverage.propose(problem(*args, **fields), most_observations=500)


def the_point(*args, **fields):
    (proposal,) = proposals(*args, **fields)
    assert proposal.provenance.generator is Generator.MODEL, proposal.provenance
    return proposal.assignments


def right_half(point):
    """Satisfied from 0.5 on."""
    return point["a"]


def seen(value=right_half, space=SQUARE, count=10):
    return [observed(point, c=value(point)) for point in points(space, count)]


def far(point, others):
    return min(np.hypot(point["a"] - each["a"], point["b"] - each["b"]) for each in others)


def test_points_satisfy_the_constraint_away_from_those_that_do():
    observations = seen()
    satisfying = [each for each in observations if each.values["c"].value >= 0.5]

    for _ in range(8):
        point = the_point(observations)
        assert point["a"] >= 0.5
        assert far(point, [each.assignments for each in satisfying]) > 0.08
        observations.append(observed(point, c=right_half(point)))
        satisfying.append(observations[-1])


def test_points_keep_away_from_points_under_way():
    first = the_point(seen())
    second = the_point(seen(), pending=[first])

    assert far(first, [second]) > 0.08


def test_the_points_of_a_batch_keep_away_from_each_other():
    found = [each.assignments for each in proposals(seen(), count=3)]

    assert all(far(each, [other for other in found if other is not each]) > 0.08 for each in found)


def test_all_constraints_count_in_their_own_direction():
    low = Metric("d", Objective.MINIMIZE, Strategy.CONSTRAINT, 0.4)
    observations = [
        observed(point, c=point["a"], d=point["b"], s=0.0) for point in points(SQUARE, 12)
    ]

    point = the_point(observations, metrics=(HIGH, low, Metric("s", strategy=Strategy.STORE)))

    assert point["a"] > 0.5
    assert point["b"] < 0.4


def test_while_nothing_satisfies_the_likeliest_point_is_next():
    observations = seen(lambda point: 0.4 * point["a"] ** 2)

    assert the_point(observations)["a"] > 0.9


def test_points_keep_away_from_where_evaluations_fail():
    observations = [
        observed(point) if point["b"] > 0.5 else observed(point, c=point["a"])
        for point in points(SQUARE, 24)
    ]

    found = [each.assignments["b"] for each in proposals(observations, count=5)]

    assert max(found) < 0.7


def test_where_everything_is_covered_the_widest_gap_is_next():
    gap = {"a": 0.5, "b": 0.5}
    observations = [
        each for each in seen(lambda _: 1.0, count=200) if far(each.assignments, [gap]) > 0.15
    ]

    assert far(the_point(observations), [gap]) < 0.15


METHOD = "GP expected coverage improvement"


@pytest.mark.parametrize(
    ("space", "method"),
    [(BELIEVED, f"{METHOD}, by prior"), (FLAT, METHOD), (WHOLE, METHOD), (NAMES, METHOD)],
)
@pytest.mark.parametrize("seed", range(3))
def test_no_point_leaves_the_space(space, method, seed):
    random = np.random.default_rng(seed)
    some = points(space, 8, seed)
    observations = [
        observed(each) if index == 3 else observed(each, c=float(random.random()))
        for index, each in enumerate(some[:6])
    ]

    found = proposals(observations, space, count=2, pending=some[6:], seed=seed)

    assert all(space.contains(each.assignments) for each in found)
    assert [each.provenance.method for each in found] == [method] * 2


def test_the_provenance_tells_what_is_expected():
    (proposal,) = proposals(seen(), pending=[{"a": 0.9, "b": 0.1}])

    provenance = proposal.provenance
    assert (provenance.observation_count, provenance.pending_count) == (10, 1)
    assert provenance.predictions["c"].mean == pytest.approx(proposal.assignments["a"], abs=0.1)
    assert np.isfinite(provenance.acquisition_value)


def test_equal_problems_have_equal_answers():
    assert proposals(seen(), count=2) == proposals(seen(), count=2)


def test_a_space_that_is_used_up_repeats_a_point_and_says_why():
    space = SearchSpace((BoolParameter("flag"),))
    observations = [observed({"flag": flag}, c=float(flag)) for flag in (False, True)]

    (proposal,) = proposals(observations, space)

    assert proposal.provenance.generator is Generator.SPACE_FILLING
    assert "tried before" in proposal.provenance.fallback_reason


@pytest.mark.timeout(60)
def test_fifty_constraints_are_searched():
    metrics = [
        Metric(f"c{index}", strategy=Strategy.CONSTRAINT, threshold=0.3) for index in range(50)
    ]
    observations = [
        observed(
            point,
            **{each.name: point["a"] + 0.01 * n * point["b"] for n, each in enumerate(metrics)},
        )
        for point in points(SQUARE, 60)
    ]

    assert the_point(observations, metrics=metrics)["a"] >= 0.3
