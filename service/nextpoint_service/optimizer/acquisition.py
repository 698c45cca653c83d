"""How promising a point is: the logarithm of the expected improvement, averaged over draws.

Noise is integrated out: the true values at observed points are drawn from their joint posterior,
and given a draw the expected improvement on the best of them is known exactly (Letham, Karrer,
Ottoni and Bakshy (2019), "Constrained Bayesian optimization with noisy experiments"). Constraints
weigh it with the probability that they are satisfied (Gardner, Kusner, Xu, Weinberger and
Cunningham (2014), "Bayesian optimization with inequality constraints"). All in logarithms, whose
gradients do not vanish (Ament, Daulton, Eriksson, Balandat and Bakshy (2023), "Unexpected
improvements to expected improvement for Bayesian optimization").
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from nextpoint_service.optimizer.arrays import Array, in_pieces
from nextpoint_service.optimizer.posterior import Moments, Posterior
from nextpoint_service.optimizer.priors import Guide

_LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
_FAR = -1e4
"""From here down the asymptote of the logarithm is exact, and the formula is not."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A posterior that has to reach a floor."""

    posterior: Posterior
    floor: float


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Given draws: what is optimized and the best of it so far, and what has to be satisfied.

    Without what is optimized it is the probability that the point satisfies what no other does.
    `weights` are the logarithms of how much each draw counts.
    """

    optimized: Posterior | None
    best: Array
    constraints: tuple[Constraint, ...]
    weights: Array
    guide: Guide

    def believing(self, rows: Array) -> "Acquisition":
        """Return it as if what each draw expects at the rows had been measured there.

        Something has to be optimized. See `Surrogate.believing`.
        """
        if self.optimized is None or not len(rows):
            return self
        gains = self.optimized.means_at(rows)
        for each in self.constraints:
            gains = np.where(each.posterior.means_at(rows) >= each.floor, gains, -np.inf)
        return replace(
            self,
            optimized=self.optimized.believing(rows),
            best=np.maximum(self.best, gains.max(axis=0)),
            constraints=tuple(
                replace(each, posterior=each.posterior.believing(rows)) for each in self.constraints
            ),
        )

    def values(self, places: Array) -> Array:
        """Return the value at each place."""
        return in_pieces(self._values, places)

    def _values(self, places: Array) -> Array:
        total = self.weights[None, :]
        if self.optimized is not None:
            moments = self.optimized.moments(places)
            total = total + log_improvement(*self._standardized(moments))
        for each in self.constraints:
            total = total + log_ndtr(_margin(each, each.posterior.moments(places)))
        return _log_sum(total) + self.guide.weights(places)

    def with_gradient(self, place: Array) -> tuple[float, Array]:
        """Return the value at one place, and its gradient."""
        places = place[None, :]
        total = self.weights[None, :]
        parts: list[tuple[Posterior, Moments, Array, Array]] = []
        if self.optimized is not None:
            moments = self.optimized.moments(places)
            margin, stddev = self._standardized(moments)
            total = total + log_improvement(margin, stddev)
            ratio = _improvement_slopes(margin)
            parts.append(
                (self.optimized, moments, ratio[0] / stddev[:, None], ratio[1] / stddev[:, None])
            )
        for each in self.constraints:
            moments = each.posterior.moments(places)
            margin = _margin(each, moments)
            total = total + log_ndtr(margin)
            slope = _hazard(margin)
            slope = slope / moments.stddev[:, None]
            parts.append((each.posterior, moments, slope, -slope * margin))
        value = _log_sum(total)
        share = np.exp(total - value[:, None])
        gradient = np.zeros_like(places)
        for model, moments, by_mean, by_stddev in parts:
            gradient += model.gradient(
                places, moments, share * by_mean, (share * by_stddev).sum(axis=1)
            )
        value = value + self.guide.weights(places)
        gradient += self.guide.weights_slope(places)
        return float(value[0]), gradient[0]

    def _standardized(self, moments: Moments) -> tuple[Array, Array]:
        return (moments.means - self.best) / moments.stddev[:, None], moments.stddev


def log_improvement(margin: Array, stddev: Array) -> Array:
    """Return the logarithm of the expected improvement.

    `margin` is how far the mean is above the best, in standard deviations.
    """
    near = margin > -1.0
    inside = np.where(near, margin, 0.0)
    outside = np.where(near, -1.0, margin)
    density = np.exp(-0.5 * inside * inside - _LOG_ROOT_2_PI)
    left = -0.5 * outside * outside - _LOG_ROOT_2_PI + np.log(_improvement_ratio(outside))
    found = np.where(near, np.log(density + inside * ndtr(inside)), left)
    return np.asarray(found + np.log(stddev)[:, None])


def _improvement_slopes(margin: Array) -> tuple[Array, Array]:
    """Return the normal distribution, and its density, over the improvement of stddev 1."""
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


def _hazard(margin: Array) -> Array:
    """Return the normal density over the distribution."""
    negative = np.minimum(margin, 0.0)
    positive = np.maximum(margin, 0.0)
    density = np.exp(-0.5 * np.minimum(positive, 40.0) ** 2 - _LOG_ROOT_2_PI)
    return np.where(margin < 0.0, 1.0 / _mills(negative), density / ndtr(positive))


def _margin(each: Constraint, moments: Moments) -> Array:
    return np.asarray((moments.means - each.floor) / moments.stddev[:, None])


def _log_sum(total: Array) -> Array:
    peak = total.max(axis=1)
    return np.asarray(peak + np.log(np.exp(total - peak[:, None]).sum(axis=1)))
