"""The logarithm of the expected improvement on what is known, for each draw of what is known."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.normal import improvement_slopes, log_improvement
from nextpoint_service.optimizer.posterior import Moments, Posterior


class Slopes(NamedTuple):
    """How a logarithm changes with the moments of a posterior: places x draws."""

    posterior: Posterior
    moments: Moments
    by_mean: Array
    by_stddev: Array


class Improvement(Protocol):
    """What is optimized, and what is known of it, for each draw."""

    method: ClassVar[str]

    def log_values(self, places: Array) -> Array:
        """Return the logarithm of the expected improvement: places x draws."""
        ...

    def with_slopes(self, places: Array) -> tuple[Array, list[Slopes]]:
        """Return the logarithms, and how they change."""
        ...

    def believing(self, rows: Array, satisfying: NDArray[np.bool_]) -> Self:
        """Return it as if what is expected at the rows had been measured there.

        `satisfying` says for each row and draw whether it satisfies the constraints.
        """
        ...


@dataclass(frozen=True, slots=True)
class BestImprovement:
    """One objective: the improvement on the best, known in each draw."""

    method: ClassVar[str] = "noisy expected improvement"

    posterior: Posterior
    best: Array

    def log_values(self, places: Array) -> Array:
        """See `Improvement`."""
        moments = self.posterior.moments(places)
        return log_improvement(*self._standardized(moments))

    def with_slopes(self, places: Array) -> tuple[Array, list[Slopes]]:
        """See `Improvement`."""
        moments = self.posterior.moments(places)
        margin, stddev = self._standardized(moments)
        by_mean, by_stddev = improvement_slopes(margin)
        width = stddev[:, None]
        slopes = Slopes(self.posterior, moments, by_mean / width, by_stddev / width)
        return log_improvement(margin, stddev), [slopes]

    def believing(self, rows: Array, satisfying: NDArray[np.bool_]) -> "BestImprovement":
        """See `Improvement`."""
        gains = np.where(satisfying, self.posterior.means_at(rows), -np.inf)
        best = np.maximum(self.best, gains.max(axis=0))
        return replace(self, posterior=self.posterior.believing(rows), best=best)

    def _standardized(self, moments: Moments) -> tuple[Array, Array]:
        return (moments.means - self.best) / moments.stddev[:, None], moments.stddev
