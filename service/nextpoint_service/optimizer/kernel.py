"""The covariance between points, and what its derivatives are made of.

Points are rows of columns in [0, 1]. Columns of one parameter share a lengthscale: the places of a
categorical parameter's values are one-hot rows over the square root of 2, so that two different
values are 1 apart, whichever they are (Hamming distance).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array

_ROOT_5 = 5.0**0.5


@dataclass(frozen=True, slots=True)
class Kernel:
    """A stationary covariance: `group` gives for each column the index of its lengthscale."""

    lengthscales: Array
    group: NDArray[np.int64]
    scale: float
    """The variance far from everything that is known."""

    @property
    def column_scales(self) -> Array:
        """Return the lengthscale of every column."""
        return np.asarray(self.lengthscales[self.group])

    def covariance(self, one: Array, other: Array) -> Array:
        """Return the covariance of each row of one with each row of the other."""
        value, _ = profile(self._squared(one, other))
        return np.asarray(self.scale * value)

    def with_slope(self, one: Array, other: Array) -> tuple[Array, Array]:
        """Return the covariance, and twice its derivative by the squared scaled distance.

        The derivative of the covariance by a column of `one` is that times the difference of the
        two points there, over the squared lengthscale.
        """
        value, slope = profile(self._squared(one, other))
        return np.asarray(self.scale * value), np.asarray(2.0 * self.scale * slope)

    def _squared(self, one: Array, other: Array) -> Array:
        scales = self.column_scales
        a, b = one / scales, other / scales
        squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2.0 * (a @ b.T)
        return np.asarray(np.maximum(squared, 0.0))


def profile(squared: Array) -> tuple[Array, Array]:
    """Return the correlation at squared scaled distances, and its derivative by them.

    It is Matérn's of order 5/2: Rasmussen and Williams (2006), "Gaussian processes for machine
    learning", section 4.2.1.
    """
    distance = _ROOT_5 * np.sqrt(squared)
    decay = np.exp(-distance)
    return (1.0 + distance + distance**2 / 3.0) * decay, (-5.0 / 6.0) * (1.0 + distance) * decay


def differences(points: Array, group: NDArray[np.int64]) -> Array:
    """Return the squared distance of every pair of points, a row for each lengthscale.

    The pairs are those above the diagonal, row by row.
    """
    rows, columns = np.triu_indices(len(points), 1)
    squared = (points[rows] - points[columns]) ** 2
    if len(np.unique(group)) == points.shape[1]:
        return np.ascontiguousarray(squared.T)
    merged = np.zeros((int(group.max()) + 1, len(rows)))
    np.add.at(merged, group, squared.T)
    return merged
