"""When it is time to stop."""

import pytest
from tests.support.builders import a_metric, a_space, an_experiment, an_observation

from nextpoint_service.domain.experiment import Progress, Strategy
from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace
from nextpoint_service.domain.stopping import StoppingReason, stopping_reasons

LINE = SearchSpace((DoubleParameter("x", 0.0, 1.0),))
WINDOW = 5


def reasons(experiment, observations, *, budget=100):
    progress = Progress(
        observations=len(observations),
        failed=0,
        leased_suggestions=0,
        open_suggestions=0,
        queued_suggestions=0,
        active_runs=0,
        budget=budget,
    )
    return stopping_reasons(experiment, progress, observations)


def observed(*values, **fields):
    return [
        an_observation({"taste": value}, observation_id=f"obs_{index}", **fields)
        for index, value in enumerate(values)
    ]


def test_a_budget_is_reached_when_observations_are_as_many():
    experiment = an_experiment(space=LINE)

    assert reasons(experiment, observed(1, 2), budget=3) == ()
    assert reasons(experiment, observed(1, 2, 3), budget=3) == (StoppingReason.BUDGET_REACHED,)


def test_it_stagnates_when_five_earlier_ones_are_as_good_as_the_newest():
    stagnating = observed(9, 9, 9, 9, 9, *[9] * WINDOW)

    found = reasons(an_experiment(space=LINE), stagnating)

    assert found == (StoppingReason.POSSIBLE_STAGNATION,)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([9, 9, 9, 9, 8, *[8.5] * WINDOW], id="four earlier ones are better"),
        pytest.param([9, 9, 9, 9, *[1] * WINDOW], id="too few"),
        pytest.param([9, 9, 9, 9, 9, 1, 1, 1, 1, 10], id="the last one is better"),
    ],
)
def test_it_does_not_stagnate_otherwise(values):
    assert reasons(an_experiment(space=LINE), observed(*values)) == ()


def test_less_is_better_where_a_metric_is_minimized():
    experiment = an_experiment(space=LINE, metrics=(a_metric(minimize=True),))

    assert reasons(experiment, observed(*[1] * 5, *[9] * WINDOW)) != ()
    assert reasons(experiment, observed(*[9] * 5, *[1] * WINDOW)) == ()


def test_patience_grows_with_the_parameters():
    ten = observed(*[9] * 10)

    assert reasons(an_experiment(space=LINE), ten) != ()
    assert reasons(an_experiment(space=a_space()), ten) == ()


def test_failures_are_no_progress():
    failed = [an_observation(failed=True) for _ in range(WINDOW)]

    assert reasons(an_experiment(space=LINE), observed(*[1] * 5) + failed) != ()


def test_nothing_but_failures_is_no_stagnation():
    failed = [an_observation(failed=True) for _ in range(5 + WINDOW)]

    assert reasons(an_experiment(space=LINE), failed) == ()


def test_what_misses_a_threshold_is_no_progress():
    cost = a_metric("cost", Strategy.CONSTRAINT, 5.0, minimize=True)
    experiment = an_experiment(space=LINE, metrics=(a_metric(), cost))
    cheap = [an_observation({"taste": 1.0, "cost": 1.0}) for _ in range(5)]
    dear = [an_observation({"taste": 9.0, "cost": 9.0}) for _ in range(WINDOW)]

    assert reasons(experiment, cheap + dear) == (StoppingReason.POSSIBLE_STAGNATION,)


def two_metrics(*pairs):
    return [
        an_observation({"taste": one, "crust": other}, observation_id=f"obs_{index}")
        for index, (one, other) in enumerate(pairs)
    ]


def test_a_frontier_stagnates_at_the_end_of_the_budget_only():
    experiment = an_experiment(space=LINE, metrics=(a_metric(), a_metric("crust")))
    unchanged = two_metrics((9, 1), (1, 9), *[(1, 1)] * 8)

    assert reasons(experiment, unchanged, budget=11) == ()
    assert set(reasons(experiment, unchanged, budget=10)) == set(StoppingReason)


def test_a_frontier_that_grew_does_not_stagnate():
    experiment = an_experiment(space=LINE, metrics=(a_metric(), a_metric("crust")))
    grown = two_metrics((9, 1), (1, 9), *[(1, 1)] * 7, (5, 5))

    assert reasons(experiment, grown, budget=10) == (StoppingReason.BUDGET_REACHED,)


def test_several_solutions_stagnate_at_the_end_of_the_budget_only():
    experiment = an_experiment(space=LINE, num_solutions=2, budget=10)
    unchanged = [
        an_observation({"taste": float(-index)}, observation_id=f"obs_{index}")
        for index in range(10)
    ]

    assert reasons(experiment, unchanged, budget=11) == ()
    assert set(reasons(experiment, unchanged, budget=10)) == set(StoppingReason)
