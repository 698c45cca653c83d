import math

import numpy as np
import pytest
from tests.unit.optimizer.surrogates import a_surrogate, some_rows

from nextpoint_service.optimizer.acquisition import Acquisition, Constraint
from nextpoint_service.optimizer.frontier import FrontierImprovement
from nextpoint_service.optimizer.hypervolume import hypervolume
from nextpoint_service.optimizer.posterior import drawn
from nextpoint_service.optimizer.priors import Guide

ROWS = some_rows(5)
REFERENCE = (-0.8, -1.0)


def posteriors():
    """Two objectives, each good where the other is bad."""
    first = a_surrogate(ROWS, np.sin(4.0 * ROWS[:, 0]) + ROWS[:, 1])
    second = a_surrogate(ROWS, np.cos(3.0 * ROWS[:, 0]) - ROWS[:, 1] ** 2)
    return first.posterior, second.posterior


def over(values, reference=REFERENCE):
    return FrontierImprovement.of(*posteriors(), reference, np.asarray(values, dtype=float))


def known(draws=1):
    """Return values of both objectives at every row, those of the draws a little apart."""
    random = np.random.default_rng(0)
    means = np.stack([each.means_at(ROWS)[:, 0] for each in posteriors()])
    return means[:, :, None] + 0.2 * random.standard_normal((2, len(ROWS), draws))


def area(values):
    gains = np.maximum(values - np.array(REFERENCE), 0.0)
    return hypervolume([*map(tuple, gains)], until=math.inf)


def test_the_improvement_is_what_the_area_grows_by_on_average():
    random = np.random.default_rng(1)
    values = known()
    places = random.random((3, 2))

    found = np.exp(over(values).log_values(places)[:, 0])

    before = area(values[:, :, 0].T)
    moments = [each.moments(places) for each in posteriors()]
    for index in range(3):
        normals = random.standard_normal((1000, 2))
        drawn_values = np.column_stack(
            [
                each.means[index, 0] + each.stddev[index] * normals[:, axis]
                for axis, each in enumerate(moments)
            ]
        )
        grown = [area(np.vstack([values[:, :, 0].T, each])) - before for each in drawn_values]
        error = np.std(grown) / math.sqrt(len(grown))
        assert found[index] == pytest.approx(np.mean(grown), abs=4 * error)
        assert error < 0.2 * found[index]


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(REFERENCE, id="near"),
        pytest.param((50.0, 80.0), id="far beyond what is expected"),
        pytest.param((-1e6, -1e6), id="far below"),
    ],
)
def test_the_gradient_is_that_of_finite_differences(reference):
    random = np.random.default_rng(2)
    given = []
    for each in posteriors():
        surrogate = a_surrogate(ROWS, each.means_at(ROWS)[:, 0])
        model, _ = drawn(
            surrogate.posterior,
            surrogate.data,
            0.1,
            baseline=np.arange(4),
            pending=ROWS[:0],
            normals=random.standard_normal((4, 5)),
        )
        given.append(model)
    improvement = FrontierImprovement.of(*given, reference, known(draws=5))
    acquisition = Acquisition(
        improvement, (Constraint(given[0], 0.2),), np.full(5, -math.log(5)), Guide({}, 0.0)
    )

    for place in random.random((5, 2)):
        value, gradient = acquisition.with_gradient(place)

        steps = 1e-6 * np.eye(2)
        numeric = [
            (acquisition.with_gradient(place + s)[0] - acquisition.with_gradient(place - s)[0])
            / 2e-6
            for s in steps
        ]
        assert value == pytest.approx(acquisition.values(place[None, :])[0])
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_draws_of_frontiers_of_different_sizes_do_not_change_each_other():
    values = known(draws=4)
    values[:, 3:, 1] = -np.inf
    values[:, :, 2] = -np.inf
    values[:, :, 3] = values[:, :1, 3]
    places = np.random.default_rng(3).random((6, 2))

    together = over(values).log_values(places)

    apart = [over(values[:, :, [each]]).log_values(places)[:, 0] for each in range(4)]
    np.testing.assert_allclose(together, np.column_stack(apart), rtol=1e-12)


def test_what_is_believed_counts_as_known_where_it_satisfies_the_constraints():
    place = np.array([[0.4, 0.6]])
    nothing = over(np.full((2, 1, 1), -np.inf))

    believed = nothing.believing(place, np.ones((1, 1), dtype=bool))
    missed = nothing.believing(place, np.zeros((1, 1), dtype=bool))

    means = np.array([each.means_at(place)[0, 0] for each in posteriors()])
    gain = math.log((means - REFERENCE).prod())
    assert believed.log_values(place)[0, 0] < gain - 2.0
    assert missed.log_values(place)[0, 0] == pytest.approx(gain, abs=0.01)
