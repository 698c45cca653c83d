"""What a model expects where something was observed."""

import math

import numpy as np
import pytest
from tests.support.builders import an_experiment
from tests.unit.optimizer.problems import SQUARE, observed

from nextpoint_service.application.optimizer_port import Studied
from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.optimizer.expectations import expectations_of

NOISE = 0.1
Y = Metric("y")


def truth(point):
    return -((point["a"] - 0.3) ** 2) - (point["b"] - 0.7) ** 2


def points(count):
    random = np.random.default_rng(5)
    return [{"a": float(a), "b": float(b)} for a, b in random.random((count, 2))]


def noise_of(count):
    return np.random.default_rng(6).normal(0.0, NOISE, count).tolist()


def expected(observations, metrics=(Y,), most=500):
    experiment = an_experiment(space=SQUARE, metrics=tuple(metrics))
    return expectations_of(Studied(experiment, tuple(observations), 1), most_observations=most)


@pytest.mark.parametrize("is_known", [lambda _: True, lambda _: False, lambda index: index % 2])
def test_noise_is_taken_out_whether_it_is_known_of_all_of_none_or_of_some(is_known):
    places = points(60)
    observations = [
        observed(
            point, y=(truth(point) + noise, NOISE) if is_known(index) else truth(point) + noise
        )
        for index, (point, noise) in enumerate(zip(places, noise_of(60), strict=True))
    ]

    found = expected(observations)

    errors = [each["y"].mean - truth(point) for each, point in zip(found, places, strict=True)]
    assert math.sqrt(np.mean(np.square(errors))) < 0.6 * NOISE
    assert all(0.0 < each["y"].stddev < NOISE for each in found)


def test_what_is_exact_is_expected_as_it_was_observed():
    observations = [observed(point, y=(truth(point), 0.0)) for point in points(20)]

    found = expected(observations)

    assert [each["y"].mean for each in found] == pytest.approx(
        [each.values["y"].value for each in observations], abs=1e-3
    )


def test_of_a_measured_point_the_exact_value_counts_for_more():
    here, there = {"a": 0.2, "b": 0.2}, {"a": 0.8, "b": 0.8}
    observations = [
        observed(here, y=(0.0, 0.01)),
        observed(here, y=(1.0, 1.0)),
        observed(there, y=(2.0, 0.01)),
    ]

    found = expected(observations)

    assert found[0] == found[1]
    assert found[0]["y"].mean == pytest.approx(0.0, abs=0.1)


def test_metrics_are_in_their_own_unit_and_direction_and_stored_ones_left_out():
    metrics = (
        Metric("y", Objective.MINIMIZE),
        Metric("c", strategy=Strategy.CONSTRAINT, threshold=1.0),
        Metric("s", strategy=Strategy.STORE),
    )
    observations = [
        observed(point, y=500.0 - truth(point), c=7.0 + point["a"], s=1.0) for point in points(20)
    ]

    found = expected(observations, metrics)

    assert all(each.keys() == {"y", "c"} for each in found)
    assert [each["y"].mean for each in found] == pytest.approx([500.0] * 20, abs=2.0)
    assert [each["c"].mean for each in found] == pytest.approx([7.5] * 20, abs=0.6)


def test_what_has_no_place_in_the_space_has_no_expectation():
    observations = [*(observed(point, y=truth(point)) for point in points(5))]
    strange = observed({"a": "blue", "b": 0.5}, y=9.0)

    found = expected([observations[0], strange, *observations[1:]])

    assert [bool(each) for each in found] == [True, False, True, True, True, True]


def test_of_very_many_only_those_learned_from_have_an_expectation():
    observations = [observed(point, y=truth(point)) for point in points(100)]

    found = expected(observations, most=40)

    best = max(range(100), key=lambda index: observations[index].values["y"].value)
    assert sum(map(bool, found)) == 40
    assert found[best]


def test_constant_values_are_expected():
    found = expected([observed(point, y=3.0) for point in points(6)])

    assert [each["y"].mean for each in found] == pytest.approx([3.0] * 6)
