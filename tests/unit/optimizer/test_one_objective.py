from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.optimizer.problems import (
    EVERY_KIND,
    ODD_DATA,
    SOME,
    SQUARE,
    WITH_PRIORS,
    at_least,
    at_most,
    distance,
    equals,
    modelled,
    observed,
    peak,
    points,
    seen,
)

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.search_space import (
    BoolParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.optimizer import few_objectives
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.learning import learn, modest

Y = Metric("y")
CONSTRAINT = Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5)
PARAMETERS = (*EVERY_KIND, *WITH_PRIORS)
CONSTRAINTS = (
    at_most(4.0, double=1.0, few=1.0),
    at_least(-1.0, double=1.0, normal=-1.0),
    equals(3.0, few=1.0, beta=1.0),
)


def proposed(problem):
    proposals = few_objectives.propose(problem, most_observations=1000)
    space = problem.experiment.space
    assert all(space.contains(each.assignments) for each in proposals)
    return proposals


def the_point(problem):
    (proposal,) = proposed(problem)
    assert proposal.provenance.generator is Generator.MODEL
    return proposal.assignments


@st.composite
def spaces(draw):
    chosen = draw(st.lists(st.sampled_from(PARAMETERS), min_size=1, unique=True))
    names = {each.name for each in chosen}
    possible = [each for each in CONSTRAINTS if {term.name for term in each.terms} <= names]
    kept = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    return SearchSpace(tuple(chosen), tuple(kept))


@settings(max_examples=10, deadline=None)
@given(spaces(), st.integers(1, 3), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_points_of_any_space_are_inside_and_new(space, count, constrained, failing, random):
    known = points(space, 9)
    made = [observed(each, y=random.gauss(0, 1), c=random.random()) for each in known[:7]]
    if failing:
        made[0] = observed(made[0].assignments)
    problem = modelled(
        space,
        made,
        count=count,
        pending=known[7:],
        metrics=[Y, CONSTRAINT]
        if constrained
        else [Y, replace(CONSTRAINT, strategy=Strategy.STORE)],
    )

    proposals = proposed(problem)

    assert 1 <= len(proposals) <= count
    if proposals[0].provenance.generator is Generator.MODEL:
        new = {key(each.assignments) for each in proposals}
        assert len(new) == len(proposals)
        assert not new & {key(each) for each in known}
    assert proposals == few_objectives.propose(problem, most_observations=1000)


def test_the_peak_is_found():
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 10)]

    assert distance(the_point(modelled(observations=made)), 0.3, 0.7) < 0.1


def test_a_search_among_many_hills_goes_on_at_the_best():
    space = SearchSpace(tuple(DoubleParameter(f"x{axis}", 0.0, 1.0) for axis in range(6)))
    random = np.random.default_rng(0)
    near = np.clip(0.375 + 0.02 * random.standard_normal((40, 6)), 0.0, 1.0)
    made = []
    for row in np.vstack([random.random((40, 6)), near]):
        height = np.cos(8 * np.pi * (row - 0.375)).sum() - ((row - 0.375) ** 2).sum()
        point = dict(zip((f"x{axis}" for axis in range(6)), row.tolist(), strict=True))
        made.append(observed(point, y=float(height)))

    point = the_point(modelled(space, made))

    assert np.abs(np.array(list(point.values())) - 0.375).max() < 0.1


def test_less_is_better_where_it_is_minimized():
    made = [observed(point, y=-peak(point)) for point in points(SQUARE, 10)]
    metrics = [Metric("y", Objective.MINIMIZE)]

    assert distance(the_point(modelled(observations=made, metrics=metrics)), 0.3, 0.7) < 0.1


def test_the_provenance_tells_what_is_expected_in_the_units_of_the_metrics():
    metrics = [Metric("y", Objective.MINIMIZE), CONSTRAINT, Metric("s", strategy=Strategy.STORE)]
    made = [
        observed(point, y=5000 - 100 * peak(point), c=1.0 + point["a"], s=1.0)
        for point in points(SQUARE, 10)
    ]

    (proposal,) = proposed(
        modelled(observations=made, metrics=metrics, pending=[{"a": 0.0, "b": 0.0}])
    )

    provenance = proposal.provenance
    assert provenance.method == "GP log noisy expected improvement"
    assert (provenance.observation_count, provenance.pending_count) == (10, 1)
    assert provenance.predictions.keys() == {"y", "c"}
    expected = 5000 - 100 * peak(proposal.assignments)
    spread = provenance.predictions["y"].stddev
    assert provenance.predictions["y"].mean == pytest.approx(expected, abs=5)
    assert 0 < spread < 10
    assert provenance.predictions["c"].mean == pytest.approx(1 + proposal.assignments["a"], abs=0.1)
    assert provenance.acquisition_value is not None
    assert np.isfinite(provenance.acquisition_value)


def test_the_search_keeps_to_where_constraints_are_satisfied():
    made = [observed(point, y=point["a"], c=1 - point["a"]) for point in points(SQUARE, 12)]

    assert the_point(modelled(observations=made))["a"] > 0.9
    assert 0.4 < the_point(modelled(observations=made, metrics=[Y, CONSTRAINT]))["a"] < 0.6


def test_where_nothing_satisfies_the_constraints_that_is_what_is_looked_for():
    few = [{"a": 0.4 * point["a"], "b": point["b"]} for point in points(SQUARE, 6)]
    made = [observed(point, y=point["b"], c=point["a"]) for point in few]

    proposals = proposed(modelled(observations=made, metrics=[Y, CONSTRAINT], count=2))

    assert {each.provenance.method for each in proposals} == {"GP log probability of feasibility"}
    assert proposals[0].assignments["a"] > 0.5
    assert distance(proposals[0].assignments, **proposals[1].assignments) > 0.05


def test_the_search_keeps_away_from_where_evaluations_fail():
    made = [
        observed(point) if point["a"] > 0.6 else observed(point, y=point["a"])
        for point in points(SQUARE, 16)
    ]

    assert 0.4 < the_point(modelled(observations=made))["a"] < 0.7


@pytest.mark.parametrize("threshold", [None, -0.2])
def test_most_evaluations_do_not_fail_where_the_peak_lies_beyond_the_edge(threshold):
    def outcome(point):
        return observed(point, **({} if point["a"] < 0.6 else {"y": peak(point)}))

    made = [outcome(point) for point in points(SQUARE, 6)]
    while len(made) < 30:
        metrics = [Metric("y", threshold=threshold)]
        made.append(outcome(the_point(modelled(observations=made, metrics=metrics))))

    assert sum(each.failed for each in made[6:]) < 16
    assert max(each.values["y"].value for each in made if not each.failed) > -0.1


def test_a_failure_beside_a_success_says_nothing_of_the_metric():
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 16)]
    beside = [{**each.assignments, "a": each.assignments["a"] - 0.001} for each in made[:4]]
    now_and_then = [*made, *map(observed, beside)]
    beyond = [*made, *(observed({"a": 1.0, "b": each / 8}) for each in range(9))]

    def supposed(observations):
        learned = learn(modelled().experiment, observations, 1000)
        return len(modest(learned)[0].data.points) - len(learned.optimized.data.points)

    assert (supposed(made), supposed(now_and_then), supposed(beyond)) == (0, 0, 9)


def test_pending_points_are_kept_away_from():
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 10)]
    first = the_point(modelled(observations=made))

    assert distance(the_point(modelled(observations=made, pending=[first])), **first) > 1e-3


def test_where_little_is_known_the_search_follows_the_priors():
    believed = replace(SQUARE.parameters[0], prior=NormalPrior(0.2, 0.03))
    made = [observed(point, y=point["b"]) for point in points(SQUARE, 4)]

    (proposal,) = proposed(modelled(SearchSpace((believed, SQUARE.parameters[1])), made))

    assert 0.1 < proposal.assignments["a"] < 0.3
    assert proposal.provenance.method == "GP log noisy expected improvement, by prior"


def test_observations_outside_the_space_take_part_and_those_without_a_place_do_not():
    made = [observed(point, y=point["a"] / 100) for point in points(SQUARE, 6)]
    outside = [observed({"a": -0.3 - 0.02 * index, "b": 0.5}, y=5.0) for index in range(3)]
    strange = [observed({"a": 0.5}, y=1.0), observed({"a": 1e9, "b": 0.5}, y=1.0)]

    assert the_point(modelled(observations=[*made, *strange]))["a"] > 0.5
    assert the_point(modelled(observations=[*made, *outside]))["a"] < 0.3


ODDER_DATA = ODD_DATA | {
    "zero": seen(lambda _, __: 0.0),
    "no noise, repeated": seen(lambda _, point: (peak(point), 0.0), SOME * 3),
    "endless noise": seen(lambda _, point: (peak(point), 1e300)),
    "next to constant": seen(lambda index, _: 1e6 + 1e-12 * index),
    "bad outlier": seen(lambda index, point: -1e300 if index == 3 else peak(point)),
    "next to one point": seen(
        lambda index, _: index, [{"a": 0.5 + 1e-10 * index, "b": 0.5} for index in range(60)]
    ),
}


@pytest.mark.parametrize("observations", ODDER_DATA.values(), ids=ODDER_DATA)
@pytest.mark.parametrize("pending", [[], SOME[6:]], ids=["none pending", "some pending"])
def test_odd_data_yield_a_point_of_the_model(observations, pending):
    the_point(modelled(observations=observations, pending=pending))


@pytest.mark.parametrize("threshold", [-1e300, 0.0, 1e300])
def test_thresholds_may_be_anywhere(threshold):
    made = [observed(point, y=peak(point), c=1.0) for point in points(SQUARE, 5)]

    the_point(modelled(observations=made, metrics=[Y, replace(CONSTRAINT, threshold=threshold)]))


def test_an_exhausted_space_repeats_a_point():
    space = SearchSpace((BoolParameter("u"), BoolParameter("v")))
    made = [observed({"u": u, "v": v}, y=1.0) for u in (True, False) for v in (True, False)]

    (proposal,) = proposed(modelled(space, made))

    assert proposal.provenance.fallback_reason


def test_the_last_points_of_a_discrete_space_are_found():
    space = SearchSpace((IntParameter("n", 0, 3),))
    made = [observed({"n": 0}, y=0.0), observed({"n": 1}, y=1.0), observed({"n": 2})]

    assert the_point(modelled(space, made)) == {"n": 3}


def test_a_thousand_observations_are_learned_from():
    made = [observed(point, y=peak(point)) for point in points(SQUARE, 1200)]

    assert distance(the_point(modelled(observations=made)), 0.3, 0.7) < 0.1
