"""The best observation and the Pareto frontier, against their definitions."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import NOW, a_metric, an_experiment, an_observation

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.observation import best, is_eligible

OPTIMIZE, CONSTRAINT, STORE = Strategy
SECOND = timedelta(seconds=1)

# Few different values make many ties.
VALUE = st.integers(-2, 2).map(float)


@st.composite
def experiments(draw, optimized):
    """An experiment with this many optimized metrics, and others between them."""
    count = draw(optimized)
    others = draw(st.lists(st.sampled_from([CONSTRAINT, STORE]), max_size=2))
    strategies = draw(st.permutations([*[OPTIMIZE] * count, *others]))
    metrics = []
    for index, strategy in enumerate(strategies):
        may_have_one = strategy is OPTIMIZE and count > 1 and draw(st.booleans())
        threshold = draw(VALUE) if strategy is CONSTRAINT or may_have_one else None
        objective = draw(st.sampled_from(Objective))
        metrics.append(Metric(f"m{index}", objective, strategy, threshold))
    return an_experiment(metrics=tuple(metrics))


@st.composite
def problems(draw, optimized):
    """An experiment, and observations in the order in which they were made."""
    experiment = draw(experiments(optimized))
    names = [each.name for each in experiment.metrics]
    rows = draw(st.lists(st.none() | st.tuples(*[VALUE] * len(names)), max_size=12))
    observations = [
        an_observation(
            None if row is None else dict(zip(names, row, strict=True)),
            observation_id=f"obs_{index:02}",
            failed=row is None,
            created=NOW + index * SECOND,
        )
        for index, row in enumerate(rows)
    ]
    return experiment, observations


def better(metric, one, other):
    one, other = (each.values[metric.name].value for each in (one, other))
    return one > other if metric.objective is Objective.MAXIMIZE else one < other


def dominates(experiment, one, other):
    return any(better(each, one, other) for each in experiment.optimized) and not any(
        better(each, other, one) for each in experiment.optimized
    )


def may_be_best(experiment, observation):
    if observation.failed:
        return False
    for metric in experiment.metrics:
        value = observation.values[metric.name].value
        if metric.threshold is not None:
            maximize = metric.objective is Objective.MAXIMIZE
            if value < metric.threshold if maximize else value > metric.threshold:
                return False
    return True


def frontier(experiment, observations):
    """The definition: whoever may be best and is dominated by nobody who may."""
    rivals = [each for each in observations if may_be_best(experiment, each)]
    return [
        each for each in rivals if not any(dominates(experiment, other, each) for other in rivals)
    ]


def ids(observations):
    return [each.observation_id for each in observations]


@given(problems(st.integers(2, 4)))
def test_the_frontier_is_whoever_is_dominated_by_nobody(problem):
    experiment, observations = problem

    assert sorted(ids(best(experiment, observations))) == ids(frontier(experiment, observations))


@given(problems(st.just(1)))
def test_with_one_metric_the_best_is_the_earliest_of_those_whom_nobody_beats(problem):
    experiment, observations = problem

    assert ids(best(experiment, observations)) == ids(frontier(experiment, observations)[:1])


@given(problems(st.integers(2, 3)))
def test_the_frontier_begins_with_the_best_in_the_first_metric_and_equals_keep_their_order(
    problem,
):
    experiment, observations = problem

    found = best(experiment, observations)

    def rank(observation):
        costs = [-each.sign * observation.values[each.name].value for each in experiment.optimized]
        return (costs, observation.created)

    assert found == sorted(found, key=rank)


@given(problems(st.integers(1, 3)), st.randoms(use_true_random=False))
def test_the_order_in_which_observations_are_passed_does_not_matter(problem, random):
    experiment, observations = problem
    shuffled = [*observations]
    random.shuffle(shuffled)

    assert best(experiment, shuffled) == best(experiment, observations)


@given(problems(st.integers(1, 3)))
def test_an_observation_is_eligible_when_it_succeeded_and_reaches_every_threshold(problem):
    experiment, observations = problem

    assert [is_eligible(experiment, each) for each in observations] == [
        may_be_best(experiment, each) for each in observations
    ]


def of(*rows, **names):
    """Observations with these values, one second apart."""
    return [
        an_observation(
            dict(zip(("a", "b", "c"), row, strict=False)),
            observation_id=f"obs_{index}",
            created=NOW + index * SECOND,
        )
        for index, row in enumerate(rows)
    ]


def test_nothing_is_best_of_nothing():
    assert best(an_experiment(), []) == []


@pytest.mark.parametrize(("minimize", "expected"), [(False, "obs_2"), (True, "obs_1")])
def test_the_best_is_in_the_direction_of_the_objective(minimize, expected):
    experiment = an_experiment(metrics=(a_metric("a", minimize=minimize),))

    assert ids(best(experiment, of([2.0], [1.0], [3.0]))) == [expected]


def test_of_equals_the_earliest_is_the_best():
    experiment = an_experiment(metrics=(a_metric("a"),))

    for order in permutations(of([1.0], [1.0], [0.0])):
        assert ids(best(experiment, list(order))) == ["obs_0"]


def test_of_equals_of_one_instant_the_smaller_id_is_the_best():
    experiment = an_experiment(metrics=(a_metric("a"),))
    twins = [an_observation({"a": 1.0}, observation_id=each) for each in ("obs_2", "obs_1")]

    assert ids(best(experiment, twins)) == ["obs_1"]


def test_equals_on_the_frontier_are_all_returned_the_earliest_first():
    experiment = an_experiment(metrics=(a_metric("a"), a_metric("b")))

    found = best(experiment, of([1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]))

    assert ids(found) == ["obs_0", "obs_2", "obs_1"]


@pytest.mark.parametrize("minimize", [False, True])
def test_thresholds_of_constraints_are_inclusive(minimize):
    metrics = (a_metric("a"), a_metric("b", CONSTRAINT, 5.0, minimize=minimize))
    beyond = 6.0 if minimize else 4.0

    found = best(an_experiment(metrics=metrics), of([9.0, beyond], [1.0, 5.0]))

    assert ids(found) == ["obs_1"]


@pytest.mark.parametrize("minimize", [False, True])
def test_thresholds_bound_the_frontier_inclusively(minimize):
    metrics = (a_metric("a", threshold=1.0), a_metric("b", threshold=5.0, minimize=minimize))
    beyond = 5.1 if minimize else 4.9

    found = best(an_experiment(metrics=metrics), of([9.0, beyond], [1.0, 5.0], [0.9, 5.0]))

    assert ids(found) == ["obs_1"]


def test_whoever_misses_a_threshold_dominates_nobody():
    metrics = (a_metric("a"), a_metric("b"), a_metric("c", CONSTRAINT, 0.0))

    found = best(an_experiment(metrics=metrics), of([9.0, 9.0, -1.0], [1.0, 1.0, 0.0]))

    assert ids(found) == ["obs_1"]


def test_a_constraint_metric_is_not_made_as_good_as_possible():
    metrics = (a_metric("a"), a_metric("b", CONSTRAINT, 0.0))

    assert ids(best(an_experiment(metrics=metrics), of([2.0, 0.0], [1.0, 9.0]))) == ["obs_0"]


def test_a_metric_to_store_decides_nothing():
    metrics = (a_metric("a"), a_metric("b"), a_metric("c", STORE))

    found = best(an_experiment(metrics=metrics), of([1.0, 1.0, 0.0], [0.0, 0.0, 9.0]))

    assert ids(found) == ["obs_0"]


def test_without_an_optimized_metric_everything_that_satisfies_is_the_best():
    metrics = (
        a_metric("a", CONSTRAINT, 2.0, minimize=True),
        a_metric("b", CONSTRAINT, 0.0),
        a_metric("c", STORE),
    )
    experiment = an_experiment(metrics=metrics)

    found = best(
        experiment,
        of([2.0, 1.0, 9.0], [1.0, 0.0, 0.0], [3.0, 9.0, 0.0], [1.0, 5.0, 0.0], [1.0, 5.0, 7.0]),
    )

    assert ids(found) == ["obs_3", "obs_4", "obs_1", "obs_0"]


def test_a_failure_is_never_the_best():
    assert best(an_experiment(), [an_observation(failed=True)]) == []


def test_a_point_outside_the_space_can_be_the_best():
    observation = an_observation(outside=True)

    assert best(an_experiment(), [observation]) == [observation]


@pytest.mark.timeout(10)
def test_a_frontier_of_everyone_is_found_without_comparing_everyone():
    experiment = an_experiment(metrics=(a_metric("a"), a_metric("b")))
    count = 20_000

    found = best(experiment, of(*([float(each), float(-each)] for each in range(count))))

    assert len(found) == count
