"""How promising a point is: the logarithm of the expected improvement, averaged over draws.

Noise is integrated out: the true values at observed points are drawn from their joint posterior,
and given a draw the expected improvement on the best of them is known exactly (Letham, Karrer,
Ottoni and Bakshy (2019), "Constrained Bayesian optimization with noisy experiments"). Constraints
weigh it with the probability that they are satisfied (Gardner, Kusner, Xu, Weinberger and
Cunningham (2014), "Bayesian optimization with inequality constraints"). All in logarithms, whose
gradients do not vanish (Ament, Daulton, Eriksson, Balandat and Bakshy (2023), "Unexpected
improvements to expected improvement for Bayesian optimization").
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from nextpoint_service.optimizer.arrays import Array, in_pieces, log_sum
from nextpoint_service.optimizer.improvement import Improvement, Slopes
from nextpoint_service.optimizer.normal import hazard
from nextpoint_service.optimizer.posterior import Moments, Posterior
from nextpoint_service.optimizer.priors import Guide


@dataclass(frozen=True, slots=True)
class Constraint:
    """A posterior that has to reach a floor."""

    posterior: Posterior
    floor: float


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Given draws: what improves on what is known, and what has to be satisfied.

    Without an improvement it is the probability that the point satisfies what no other does.
    `weights` are the logarithms of how much each draw counts.
    """

    improvement: Improvement | None
    constraints: tuple[Constraint, ...]
    weights: Array
    guide: Guide

    @property
    def method(self) -> str:
        """Return the name of what the values are the logarithm of."""
        improvement = self.improvement
        return "probability of feasibility" if improvement is None else improvement.method

    def believing(self, rows: Array) -> "Acquisition":
        """Return it as if what each draw expects at the rows had been measured there.

        Something has to be improved. See `Surrogate.believing`.
        """
        if self.improvement is None or not len(rows):
            return self
        satisfying = np.ones((len(rows), len(self.weights)), dtype=bool)
        for each in self.constraints:
            satisfying &= each.posterior.means_at(rows) >= each.floor
        return replace(
            self,
            improvement=self.improvement.believing(rows, satisfying),
            constraints=tuple(
                replace(each, posterior=each.posterior.believing(rows)) for each in self.constraints
            ),
        )

    def values(self, places: Array) -> Array:
        """Return the value at each place."""
        return in_pieces(self._values, places)

    def _values(self, places: Array) -> Array:
        total = self.weights[None, :]
        if self.improvement is not None:
            total = total + self.improvement.log_values(places)
        for each in self.constraints:
            total = total + log_ndtr(_margin(each, each.posterior.moments(places)))
        return log_sum(total) + self.guide.weights(places)

    def with_gradient(self, place: Array) -> tuple[float, Array]:
        """Return the value at one place, and its gradient."""
        places = place[None, :]
        total = self.weights[None, :]
        parts: list[Slopes] = []
        if self.improvement is not None:
            gains, parts = self.improvement.with_slopes(places)
            total = total + gains
        for each in self.constraints:
            moments = each.posterior.moments(places)
            margin = _margin(each, moments)
            total = total + log_ndtr(margin)
            slope = hazard(margin) / moments.stddev[:, None]
            parts = [*parts, Slopes(each.posterior, moments, slope, -slope * margin)]
        value = log_sum(total)
        share = np.exp(total - value[:, None])
        gradient = np.zeros_like(places)
        for model, moments, by_mean, by_stddev in parts:
            gradient += model.gradient(
                places, moments, share * by_mean, (share * by_stddev).sum(axis=1)
            )
        value = value + self.guide.weights(places)
        gradient += self.guide.weights_slope(places)
        return float(value[0]), gradient[0]


def _margin(each: Constraint, moments: Moments) -> Array:
    return np.asarray((moments.means - each.floor) / moments.stddev[:, None])
