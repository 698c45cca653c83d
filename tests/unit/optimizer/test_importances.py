"""Which parameters move a metric."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.support.builders import a_metric, an_experiment, an_observation

from nextpoint_service.application.optimizer_port import Studied
from nextpoint_service.domain.observation import Measurement
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer.importances import importances_of

SPACE = SearchSpace(
    (
        DoubleParameter("rate", 1e-5, 1e-1, log=True),
        IntParameter("layers", 1, 8),
        CategoricalParameter("kernel", ("a", "b", "c", "d")),
        BoolParameter("bias"),
    )
)


def points(count):
    random = np.random.default_rng(3)
    return [
        {
            "rate": float(10 ** random.uniform(-5, -1)),
            "layers": int(random.integers(1, 9)),
            "kernel": str(random.choice(["a", "b", "c", "d"])),
            "bias": bool(random.integers(2)),
        }
        for _ in range(count)
    ]


def studied(function, count=80, space=SPACE, seed=7, **metrics):
    functions = {"taste": function} | metrics
    observations = tuple(
        an_observation({name: each(point) for name, each in functions.items()}, assignments=point)
        for point in points(count)
    )
    definitions = tuple(a_metric(name) for name in functions)
    return Studied(an_experiment(space=space, metrics=definitions), observations, seed)


def importances(*args, most=500, **kwargs):
    return importances_of(studied(*args, **kwargs), most_observations=most)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("rate", lambda point: math.log10(point["rate"])),
        ("layers", lambda point: (point["layers"] - 4) ** 2),
        ("kernel", lambda point: float(point["kernel"] in "bd")),
        ("bias", lambda point: float(point["bias"])),
    ],
)
def test_the_parameter_that_moves_a_metric_has_nearly_all(name, function):
    shares = importances(function)["taste"]

    assert shares[name] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_what_moves_it_more_has_more():
    shares = importances(lambda point: 3 * point["layers"] + 8 * point["bias"])["taste"]

    assert shares["layers"] > 2 * shares["bias"] > 0.1
    assert shares["rate"] + shares["kernel"] < 0.1


def test_every_metric_has_its_own():
    found = importances(
        lambda point: point["layers"], crust=lambda point: float(point["kernel"] == "a")
    )

    assert found["taste"]["layers"] > 0.9
    assert found["crust"]["kernel"] > 0.9


def test_a_metric_that_never_changes_is_moved_by_nothing():
    assert set(importances(lambda _: 4.0)["taste"].values()) == {0.0}


def test_the_scale_of_a_metric_means_nothing():
    small = importances(lambda point: 1e-200 * point["layers"])
    huge = importances(lambda point: 1e200 * point["layers"])

    assert small["taste"] == pytest.approx(huge["taste"])
    assert huge["taste"]["layers"] > 0.9


def test_the_same_observations_give_the_same_numbers():
    def noisy(point):
        return point["layers"] + math.sin(1e6 * point["rate"])

    assert importances(noisy) == importances(noisy)
    assert importances(noisy) != importances(noisy, seed=8)


def test_parameters_that_are_missing_somewhere_count_as_well():
    more = SearchSpace((*SPACE.parameters, DoubleParameter("momentum", 0.0, 1.0)))

    shares = importances(lambda point: point["layers"], space=more)["taste"]

    assert shares["momentum"] == 0
    assert shares["layers"] > 0.9


def test_of_too_many_observations_some_from_all_times_are_looked_at():
    calls = importances(lambda point: point["layers"], count=60, most=30)

    assert calls["taste"]["layers"] > 0.9


def test_what_tasks_explain_is_left_out():
    tasks = (Task("full", 1.0), Task("tenth", 0.1))
    of_points = studied(lambda point: float(point["bias"]))
    observations = tuple(
        replace(
            each,
            task=tasks[index % 2],
            values={"taste": Measurement(each.values["taste"].value + 100.0 * (index % 2))},
        )
        for index, each in enumerate(of_points.observations)
    )
    experiment = replace(of_points.experiment, tasks=tasks)

    found = importances_of(Studied(experiment, observations, 7), most_observations=500)

    assert found["taste"]["bias"] > 0.9
    assert sum(found["taste"].values()) == pytest.approx(1)
