import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm

from nextpoint_service.domain.search_space import BetaPrior, NormalPrior
from nextpoint_service.optimizer.acquisition import Acquisition, Constraint
from nextpoint_service.optimizer.fit import LEAST_NOISE, Data, Hyperparameters, Misfit, fit
from nextpoint_service.optimizer.improvement import BestImprovement
from nextpoint_service.optimizer.kernel import Kernel
from nextpoint_service.optimizer.normal import log_improvement
from nextpoint_service.optimizer.posterior import drawn, posterior
from nextpoint_service.optimizer.priors import Guide
from nextpoint_service.optimizer.warping import warping_of

RANDOM = np.random.default_rng(5)
POINTS = RANDOM.random((16, 4))
VALUES = np.sin(5 * POINTS[:, 0]) + POINTS[:, 1] + 0.1 * RANDOM.standard_normal(16)
GROUP = np.array([0, 1, 2, 2])
"""Two columns share a lengthscale, as those of a categorical parameter do."""
UNKNOWN = Data(POINTS, VALUES, GROUP, None)
KNOWN = Data(POINTS, VALUES, GROUP, np.linspace(0.01, 0.3, 16))


def slopes(function, place):
    steps = 1e-6 * np.eye(len(place))
    return np.array([(function(place + each) - function(place - each)) / 2e-6 for each in steps])


def hyperparameters():
    return Hyperparameters(Kernel(np.array([0.3, 0.5, 0.9]), GROUP, 1.7), 0.05)


@pytest.fixture
def random():
    """Draws that are the same whichever tests came before."""
    return np.random.default_rng(6)


def covariance(one, other):
    scales = np.array([0.3, 0.5, 0.9])[GROUP]
    distance = cdist(one / scales, other / scales)
    root = np.sqrt(5) * distance
    return 1.7 * (1 + root + root**2 / 3) * np.exp(-root)


@pytest.mark.parametrize("data", [UNKNOWN, KNOWN], ids=["unknown noise", "known noise"])
def test_the_gradient_of_the_likelihood_is_that_of_finite_differences(data, random):
    misfit = Misfit(data)
    place = misfit.starts()[0] + 0.3 * random.standard_normal(len(misfit.bounds()))

    numeric = slopes(lambda each: misfit(each)[0], place)

    np.testing.assert_allclose(misfit(place)[1], numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("data", [UNKNOWN, KNOWN], ids=["unknown noise", "known noise"])
def test_the_posterior_is_that_of_the_direct_formula(data, random):
    places = random.random((5, 4))
    noise = np.full(16, 0.05) if data.noise is None else data.noise
    inverse = np.linalg.inv(covariance(POINTS, POINTS) + np.diag(noise))
    across = covariance(places, POINTS)
    mean = inverse.sum(axis=0) @ VALUES / inverse.sum()

    found = posterior(data, hyperparameters()).moments(places)

    np.testing.assert_allclose(found.means[:, 0], mean + across @ inverse @ (VALUES - mean))
    variance = 1.7 - np.einsum("ij,jk,ik->i", across, inverse, across)
    np.testing.assert_allclose(found.stddev**2, variance)


def test_the_posterior_given_draws_goes_through_them(random):
    known = posterior(UNKNOWN, hyperparameters())
    baseline, pending = np.array([3, 8]), random.random((2, 4))
    normals = random.standard_normal((4, 7))

    given, values = drawn(known, UNKNOWN, 0.05, baseline=baseline, pending=pending, normals=normals)

    moments = given.moments(np.vstack([POINTS[baseline], pending]))
    np.testing.assert_allclose(moments.means, values, atol=1e-4)
    assert (moments.stddev < 1e-3).all()


def test_draws_are_distributed_as_the_posterior(random):
    known = posterior(UNKNOWN, hyperparameters())
    place = np.array([[0.5, 0.5, 0.5, 0.5]])
    _, values = drawn(
        known,
        UNKNOWN,
        0.05,
        baseline=np.array([], dtype=np.int64),
        pending=place,
        normals=random.standard_normal((1, 20_000)),
    )

    moments = known.moments(place)
    assert values.mean() == pytest.approx(moments.means[0, 0], abs=0.02)
    assert values.std() == pytest.approx(moments.stddev[0], rel=0.03)


def an_acquisition(random, *, objective=True):
    known = posterior(UNKNOWN, hyperparameters())
    given, values = drawn(
        known,
        UNKNOWN,
        0.05,
        baseline=np.array([1, 2]),
        pending=random.random((2, 4)),
        normals=random.standard_normal((4, 6)),
    )
    return Acquisition(
        BestImprovement(given, values.max(axis=0)) if objective else None,
        (Constraint(known, 0.3), Constraint(given, -0.2)),
        np.full(6, -np.log(6)),
        Guide({0: NormalPrior(0.4, 0.2), 1: BetaPrior(2.0, 3.0)}, 0.7),
    )


@pytest.mark.parametrize("objective", [True, False], ids=["improvement", "feasibility"])
def test_the_gradient_of_the_acquisition_is_that_of_finite_differences(objective, random):
    acquisition = an_acquisition(random, objective=objective)
    for place in random.random((5, 4)):
        value, gradient = acquisition.with_gradient(place)

        numeric = slopes(lambda each: acquisition.with_gradient(each)[0], place)

        assert value == pytest.approx(acquisition.values(place[None, :])[0])
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_the_logarithm_of_the_improvement_is_exact_near_and_follows_its_asymptote_far_away():
    margins = np.array([-30.0, -5.0, -1.0, -0.5, 0.0, 2.0, 30.0])
    exact = norm.pdf(margins) + margins * norm.cdf(margins)

    found = log_improvement(margins[None, :], np.ones(1))[0]

    np.testing.assert_allclose(found[1:], np.log(exact[1:]), rtol=1e-9)
    far = np.array([-1e3, -9_999.0, -10_001.0, -1e8])
    tail = log_improvement(far[None, :], np.ones(1))[0]
    np.testing.assert_allclose(tail, norm.logpdf(far) - 2 * np.log(-far), rtol=1e-6)


def test_the_noise_of_exact_data_is_learned_to_be_next_to_nothing():
    smooth = Data(POINTS, np.sin(3 * POINTS[:, 0]), GROUP, None)

    assert fit(smooth).noise < 100 * LEAST_NOISE


@pytest.mark.parametrize("count", [40, 100])
def test_noise_larger_than_the_signal_is_smoothed(count):
    missed = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        points = random.random((count, 2))
        signal = np.sin(4.0 * points[:, 0]) + points[:, 1]
        measured = signal + 2.0 * signal.std() * random.standard_normal(count)
        scale = measured.std()
        data = Data(points, (measured - measured.mean()) / scale, np.arange(2), None)
        means = posterior(data, fit(data)).means_at(points)[:, 0] * scale
        missed.append(np.std(means - signal) / signal.std())

    # What was measured misses by 2.
    assert np.mean(missed) < {40: 1.1, 100: 0.6}[count]


def test_a_parameter_that_does_nothing_gets_a_long_lengthscale():
    lengthscales = fit(Data(POINTS, POINTS[:, 0] ** 2, GROUP, None)).kernel.lengthscales

    assert lengthscales[1:].min() > 3 * lengthscales[0]


@pytest.mark.parametrize("bend", [True, False])
def test_values_too_close_to_tell_apart_are_numbers_all_the_same(bend):
    values = np.array([0.0, 5e-324] * 4)

    assert np.isfinite(warping_of(values, bend=bend).forward(values)).all()


@pytest.mark.parametrize("bend", [True, False])
@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_warped_values_grow_and_come_back(bend, factor, random):
    values = np.sort(np.append(random.standard_normal(30), [-500.0, -1e5])) * factor
    warping = warping_of(values, bend=bend)

    warped = warping.forward(values)

    assert (np.diff(warped) > 0).all()
    np.testing.assert_allclose(warping.backward(warped), values, rtol=1e-6, atol=1e-6 * factor)
    if bend:
        assert warped.min() > -20
