import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.optimizer.problems import (
    BELIEVED,
    FLAT,
    NAMES,
    ODD_DATA,
    SOME,
    SQUARE,
    WHOLE,
    distance,
    modelled,
    observed,
    peak,
    points,
)

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.observation import Measurement, best
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import few_objectives
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.hypervolume import hypervolume
from nextpoint_service.optimizer.outcomes import chosen, outcomes_of

TWO = (Metric("y"), Metric("z"))
CONSTRAINT = Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5)


def proposed(problem):
    proposals = few_objectives.propose(problem, most_observations=1000)
    assert all(problem.experiment.space.contains(each.assignments) for each in proposals)
    return proposals


def the_point(problem):
    (proposal,) = proposed(problem)
    assert proposal.provenance.generator is Generator.MODEL
    return proposal.assignments


def bow(point):
    """Both are best where b is 0.7; there one is as good as the other is bad."""
    off = (point["b"] - 0.7) ** 2
    return {"y": point["a"] - off, "z": 1.0 - point["a"] ** 2 - off}


def seen(places, function=bow):
    return [observed(point, **function(point)) for point in places]


def test_points_are_on_the_frontier_and_apart():
    made = seen(points(SQUARE, 12))

    proposals = proposed(modelled(observations=made, metrics=TWO, count=4))

    found = [each.assignments for each in proposals]
    assert all(abs(each["b"] - 0.7) < 0.1 for each in found)
    assert max(each["a"] for each in found) - min(each["a"] for each in found) > 0.3
    provenance = proposals[0].provenance
    assert provenance.method == "GP log noisy expected hypervolume improvement"
    expected = bow(found[0])
    for name, prediction in provenance.predictions.items():
        assert prediction.mean == pytest.approx(expected[name], abs=0.1)
    assert provenance.predictions.keys() == {"y", "z"}


def area(observations):
    gains = [
        (max(each.values["y"].value + 1.0, 0.0), max(each.values["z"].value + 1.0, 0.0))
        for each in observations
    ]
    return hypervolume(gains, until=math.inf)


def test_the_frontier_grows_further_than_by_twice_as_many_points_spread_evenly():
    made = seen(points(SQUARE, 6))
    while len(made) < 16:
        made += seen([the_point(modelled(observations=made, metrics=TWO))])

    assert area(made) > area(seen(points(SQUARE, 32)))


def test_less_is_better_where_it_is_minimized():
    made = seen(points(SQUARE, 12), lambda point: {"y": -bow(point)["y"], "z": bow(point)["z"]})
    metrics = (Metric("y", Objective.MINIMIZE), Metric("z"))

    found = the_point(modelled(observations=made, metrics=metrics))

    assert found == pytest.approx(
        the_point(modelled(observations=seen(points(SQUARE, 12)), metrics=TWO)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("thresholds", "low", "high"),
    [({"y": 0.75}, 0.75, 1.0), ({"z": 0.9}, 0.0, 0.35), ({"y": 0.4, "z": 0.7}, 0.4, 0.6)],
)
def test_thresholds_move_the_search_along_the_frontier(thresholds, low, high):
    metrics = [replace(each, threshold=thresholds.get(each.name)) for each in TWO]
    made = seen(points(SQUARE, 12))

    for each in proposed(modelled(observations=made, metrics=metrics, count=3)):
        assert low <= each.assignments["a"] <= high


def test_where_nothing_reaches_the_thresholds_it_is_what_is_looked_for():
    made = seen([point for point in points(SQUARE, 24) if abs(point["b"] - 0.7) > 0.15][:12])
    metrics = [Metric("y", threshold=0.45), Metric("z", threshold=0.7)]

    found = the_point(modelled(observations=made, metrics=metrics))

    assert abs(found["b"] - 0.7) < 0.15


def test_the_search_keeps_to_where_constraints_are_satisfied():
    made = [
        observed(each.assignments, **bow(each.assignments), c=1 - each.assignments["a"])
        for each in seen(points(SQUARE, 12))
    ]

    for each in proposed(modelled(observations=made, metrics=[*TWO, CONSTRAINT], count=3)):
        assert each.assignments["a"] < 0.6


def test_where_nothing_satisfies_the_constraints_that_is_what_is_looked_for():
    few = [{"a": 0.4 * point["a"], "b": point["b"]} for point in points(SQUARE, 6)]
    made = [observed(point, **bow(point), c=point["a"]) for point in few]

    (proposal,) = proposed(modelled(observations=made, metrics=[*TWO, CONSTRAINT]))

    assert proposal.provenance.method == "GP log probability of feasibility"
    assert proposal.assignments["a"] > 0.5


def test_the_search_keeps_away_from_where_evaluations_fail():
    made = [
        observed(point) if point["a"] > 0.6 else observed(point, **bow(point))
        for point in points(SQUARE, 16)
    ]

    for each in proposed(modelled(observations=made, metrics=TWO, count=3)):
        assert each.assignments["a"] < 0.7


def test_most_evaluations_do_not_fail_where_one_objective_is_best_beyond_the_edge():
    def outcome(point):
        return observed(point, **({} if point["a"] < 0.6 else {"y": peak(point), "z": point["b"]}))

    made = [outcome(point) for point in points(SQUARE, 6)]
    while len(made) < 24:
        made.append(outcome(the_point(modelled(observations=made, metrics=TWO))))

    assert sum(each.failed for each in made[6:]) < 8


def test_pending_points_are_kept_away_from():
    made = seen(points(SQUARE, 10))
    first = the_point(modelled(observations=made, metrics=TWO))

    second = the_point(modelled(observations=made, metrics=TWO, pending=[first]))

    assert distance(second, **first) > 0.01


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([BELIEVED, FLAT, WHOLE, NAMES]),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_points_of_any_space_are_inside_and_new(space, count, constrained, failing, random):
    known = points(space, 9)
    made = [
        observed(each, y=random.gauss(0, 1), z=random.gauss(0, 1), c=random.random())
        for each in known[:7]
    ]
    if failing:
        made[0] = observed(made[0].assignments)
    metrics = [*TWO, CONSTRAINT if constrained else replace(CONSTRAINT, strategy=Strategy.STORE)]
    problem = modelled(space, made, count=count, pending=known[7:], metrics=metrics)

    proposals = proposed(problem)

    new = {key(each.assignments) for each in proposals}
    assert 1 <= len(new) == len(proposals) <= count
    assert not new & {key(each) for each in known}
    assert proposals == few_objectives.propose(problem, most_observations=1000)


def with_both(observations, other):
    """Return the observations with a second value, one that the first one gives."""
    return [
        each if each.failed else replace(each, values={**each.values, "z": other(each.values["y"])})
        for each in observations
    ]


OTHERS = {
    "as the first": (lambda value: value, (None, None)),
    "against the first": (lambda value: Measurement(-value.value, value.stddev), (-1e300, 1e300)),
    "always the same": (lambda _: Measurement(1.0), (0.0, None)),
}
"""What the second objective is, and thresholds."""


@pytest.mark.parametrize("observations", ODD_DATA.values(), ids=ODD_DATA)
@pytest.mark.parametrize(("other", "thresholds"), OTHERS.values(), ids=OTHERS)
def test_odd_data_yield_a_point_of_the_model(observations, other, thresholds):
    metrics = [
        replace(each, threshold=threshold) for each, threshold in zip(TWO, thresholds, strict=True)
    ]

    the_point(
        modelled(observations=with_both(observations, other), metrics=metrics, pending=SOME[6:])
    )


def test_of_more_observations_than_it_has_time_for_the_model_knows_the_frontier():
    made = seen(points(SQUARE, 400))
    frontier = best(modelled(metrics=TWO).experiment, made)
    outcomes = outcomes_of(modelled(metrics=TWO).experiment, made)

    kept = chosen(outcomes, made, 300)

    assert len(kept) == 300
    assert all(each in kept for each in frontier)
    proposals = few_objectives.propose(
        modelled(observations=made, metrics=TWO), most_observations=100
    )
    assert abs(proposals[0].assignments["b"] - 0.7) < 0.1
