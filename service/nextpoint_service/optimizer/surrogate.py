"""The model of one outcome: a Gaussian process of its warped values."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.fit import LEAST_NOISE, Data, Hyperparameters
from nextpoint_service.optimizer.lessons import LEARNER
from nextpoint_service.optimizer.outcomes import Outcome
from nextpoint_service.optimizer.posterior import Posterior, posterior
from nextpoint_service.optimizer.warping import Warping, warping_of

_OUTSTANDING = 0.75
"""The quantile, of what is expected where something was measured, above which it is outstanding."""
_FAR = 1e3
"""A floor further away than this is never, or always, reached; more noise says nothing."""


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What is known of an outcome; `floor` is the outcome's, as the model sees it."""

    outcome: Outcome
    warping: Warping
    data: Data
    hyperparameters: Hyperparameters
    posterior: Posterior
    floor: float

    @property
    def noise_share(self) -> float:
        """Return the largest variance of noise as a share of that of the values."""
        if self.data.noise is None:
            return self.hyperparameters.noise
        return float(self.data.noise.max())

    def believing(self, rows: Array) -> "Surrogate":
        """Return the model as if what it expects at the rows had been measured there.

        Ginsbourger, Le Riche and Carraro (2010), "Kriging is well-suited to parallelize
        optimization": the kriging believer. The rows come after those that are known.
        """
        if not len(rows):
            return self
        data = self._extended(rows, self.posterior.means_at(rows)[:, 0])
        return replace(self, data=data, posterior=self.posterior.believing(rows))

    def supposing_no_more(self, rows: Array) -> "Surrogate":
        """Return the model as if at the rows was measured what it expects, but nothing outstanding.

        That is what most of what was measured is expected to be less than. The rows come after it.
        """
        if not len(rows):
            return self
        most = np.quantile(self.posterior.means_at(self.data.points)[:, 0], _OUTSTANDING)
        data = self._extended(rows, np.minimum(self.posterior.means_at(rows)[:, 0], most))
        return replace(self, data=data, posterior=posterior(data, self.hyperparameters))

    def _extended(self, rows: Array, values: Array) -> Data:
        known = self.data
        noise = None
        if known.noise is not None:
            noise = np.append(known.noise, np.full(len(rows), self.posterior.noise))
        points = np.vstack([known.points, rows])
        return Data(points, np.append(known.values, values), known.group, noise)

    def in_own_unit(self, mean: float, stddev: float) -> tuple[float, float]:
        """Return a mean and standard deviation in the unit of the outcome."""
        low, middle, high = self.warping.backward(np.array([mean - stddev, mean, mean + stddev]))
        return float(middle), float(0.5 * high - 0.5 * low)


def surrogate_of(
    outcome: Outcome, points: Array, values: Array, stddevs: Array, group: NDArray[np.int64]
) -> Surrogate:
    """Return the model after values at points, whose standard deviations may be NaN: unknown."""
    warping = warping_of(values, bend=outcome.optimized)
    data = _warped(warping, points, values, stddevs, group)

    def first(count: int) -> Data:
        earlier = warping_of(values[:count], bend=outcome.optimized)
        return _warped(earlier, points[:count], values[:count], stddevs[:count], group)

    hyperparameters = LEARNER.learn(data, first)
    floor = 0.0
    if outcome.floor is not None:
        floor = float(np.clip(warping.forward(np.array([outcome.floor])), -_FAR, _FAR)[0])
    return Surrogate(
        outcome, warping, data, hyperparameters, posterior(data, hyperparameters), floor
    )


def _warped(
    warping: Warping, points: Array, values: Array, stddevs: Array, group: NDArray[np.int64]
) -> Data:
    noise = None
    if not np.isnan(stddevs).any():
        noise = np.clip(warping.stddevs(values, stddevs), LEAST_NOISE**0.5, _FAR) ** 2
    return Data(points, warping.forward(values), group, noise)
