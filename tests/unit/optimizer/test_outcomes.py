import math

import pytest
from tests.unit.optimizer.problems import a_problem, observed

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.optimizer.outcomes import chosen, data_of, outcomes_of

POINT = {"a": 0.5, "b": 0.5}
METRICS = (
    Metric("y", Objective.MINIMIZE, threshold=4.0),
    Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5),
    Metric("s", strategy=Strategy.STORE),
)


def outcomes(observations, metrics=METRICS):
    return outcomes_of(a_problem(metrics=metrics).experiment, observations)


def test_more_of_every_outcome_is_better_and_stored_metrics_are_left_out():
    observations = [observed(POINT, y=3.0, c=1.0, s=9.0)]
    made = outcomes(observations)

    assert [(each.name, each.floor, each.optimized) for each in made] == [
        ("m0", -4.0, True),
        ("m1", 0.5, False),
    ]
    assert [each.value for each in data_of(made, observations)] == [-3.0, 1.0]


def test_a_failure_adds_an_outcome_that_tells_it_from_a_success():
    observations = [observed(POINT, y=3.0, c=1.0, s=9.0), observed(POINT)]
    made = outcomes(observations)

    assert (made[-1].name, made[-1].metric, made[-1].floor) == ("m2", None, 0.5)
    success = [each.value for each in data_of(made, observations) if each.outcome == "m2"]
    assert success == [1.0, 0.0]


@pytest.mark.parametrize(
    ("known", "used"),
    [
        ([None, None, None], [math.nan] * 3),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0, None, 3.0], [1.0, math.sqrt(5.0), 3.0]),
        ([0.0, 0.0, 2.0, None], [0.0, 0.0, 2.0, 2.0]),
        ([0.0, None], [0.0, math.nan]),
    ],
)
def test_unknown_noise_is_usual_where_some_is_known(known, used):
    observations = [observed(POINT, y=1.0 if sd is None else (1.0, sd)) for sd in known]

    data = data_of(outcomes(observations, [Metric("y")]), observations)

    assert [each.stddev for each in data] == pytest.approx(used, nan_ok=True)


def test_of_many_observations_the_best_are_kept_and_some_of_all_times():
    observations = [observed(POINT, y=float(index % 997)) for index in range(5000)]

    kept = chosen(outcomes(observations, [Metric("y")]), observations, 500)

    values = [each.values["y"].value for each in kept]
    assert len(kept) == 500
    assert set(sorted(each.values["y"].value for each in observations)[-100:]) <= set(values)
    assert min(values) < 50
