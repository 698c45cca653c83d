"""The normal distribution in logarithms and ratios, which keep their digits far away.

Ament, Daulton, Eriksson, Balandat and Bakshy (2023), "Unexpected improvements to expected
improvement for Bayesian optimization".
"""

import math

import numpy as np
from scipy.special import erfcx, ndtr

from nextpoint_service.optimizer.arrays import Array

_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_FAR = -1e4
"""From here down the asymptote of the logarithm is exact, and the formula is not."""


def log_improvement(margin: Array, stddev: Array) -> Array:
    """Return the logarithm of the expected improvement.

    `margin` is how far the mean is above what has to be improved on, in standard deviations, of
    which there is one for each of its rows.
    """
    near = margin > -1.0
    inside = np.where(near, margin, 0.0)
    outside = np.where(near, -1.0, margin)
    density = np.exp(-0.5 * inside * inside - _LOG_ROOT_2_PI)
    left = -0.5 * outside * outside - _LOG_ROOT_2_PI + np.log(_improvement_ratio(outside))
    found = np.where(near, np.log(density + inside * ndtr(inside)), left)
    return np.asarray(found + np.log(stddev).reshape(-1, *[1] * (margin.ndim - 1)))


def improvement_slopes(margin: Array) -> tuple[Array, Array]:
    """Return the normal distribution, and its density, over the improvement of stddev 1.

    Over the stddev they are the slopes of the logarithm, by the mean and by the stddev.
    """
    near = margin > -1.0
    inside = np.where(near, margin, 0.0)
    outside = np.where(near, -1.0, margin)
    density = np.exp(-0.5 * inside * inside - _LOG_ROOT_2_PI)
    improvement = density + inside * ndtr(inside)
    ratio = _improvement_ratio(outside)
    return (
        np.where(near, ndtr(inside) / improvement, _mills(outside) / ratio),
        np.where(near, density / improvement, 1.0 / ratio),
    )


def _improvement_ratio(margin: Array) -> Array:
    """Return the improvement of stddev 1 over the normal density, for negative margins."""
    far = margin < _FAR
    some = np.where(far, -1.0, margin)
    return np.where(far, margin**-2.0, 1.0 + some * _mills(some))


def _mills(margin: Array) -> Array:
    """Return the normal distribution over its density, for negative margins."""
    return np.asarray(_ROOT_HALF_PI * erfcx(-margin * _ROOT_HALF))


def hazard(margin: Array) -> Array:
    """Return the normal density over the distribution."""
    negative = np.minimum(margin, 0.0)
    positive = np.maximum(margin, 0.0)
    density = np.exp(-0.5 * np.minimum(positive, 40.0) ** 2 - _LOG_ROOT_2_PI)
    return np.where(margin < 0.0, 1.0 / _mills(negative), density / ndtr(positive))
