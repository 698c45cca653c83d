"""Makes values of a metric fit for a model: of spread 1, and without extremes."""

import math
from dataclasses import dataclass

import numpy as np

from nextpoint_service.optimizer.arrays import Array

_LARGEST = float(np.finfo(np.float64).max)
_SMALLEST = 1e-300
"""What is smaller may be 0 once it is divided."""


@dataclass(frozen=True, slots=True)
class Warping:
    """A growing function: linear, but bad values below `knee` are drawn together.

    Values are brought to mean 0 and deviation 1 by `shift` and `scale`; below the knee a distance
    `d` becomes `log(1 + d)`, the half of the transformation of Eriksson and Poloczek (2021),
    "Scalable constrained Bayesian optimization".
    """

    shift: float
    scale: float
    knee: float

    def forward(self, values: Array) -> Array:
        """Return values as the model sees them."""
        with np.errstate(over="ignore", invalid="ignore"):
            linear = values / self.scale - self.shift / self.scale
            below = np.maximum(self.knee - linear, 0.0)
            return np.where(linear < self.knee, self.knee - np.log1p(below), linear)

    def backward(self, warped: Array) -> Array:
        """Return the values that the model sees so."""
        below = np.minimum(np.maximum(self.knee - warped, 0.0), 600.0)
        linear = np.where(warped < self.knee, self.knee - np.expm1(below), warped)
        with np.errstate(over="ignore"):
            return np.clip(self.shift + self.scale * linear, -_LARGEST, _LARGEST)

    def stddevs(self, values: Array, stddevs: Array) -> Array:
        """Return the standard deviations, small, of values as the model sees them."""
        linear = values / self.scale - self.shift / self.scale
        return np.asarray(stddevs / self.scale / (1.0 + np.maximum(self.knee - linear, 0.0)))


def warping_of(values: Array, *, bend: bool) -> Warping:
    """Return the warping of these values; with `bend` extremely low ones are drawn together."""
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return Warping(0.0, 1.0, -math.inf)
    # Of numbers near the largest there are, neither the square nor the difference is a number.
    small = values / largest
    centre, spread = float(np.median(small)), float(small.std())
    if bend:
        upper = small[small >= centre]
        quartile = float(np.quantile(small, 0.25))
        width = max(2.0 * (centre - quartile), float(upper.max() - centre) * 0.5)
        low = centre - 1.5 * width
        kept = small[small >= low]
        spread = float(kept.std())
        centre = float(kept.mean())
        knee = (low - centre) / spread if spread > 0.0 else -math.inf
    else:
        centre, knee = float(small.mean()), -math.inf
    if not (spread > 1e-12 and spread * largest > _SMALLEST):
        return Warping(centre * largest, max(largest, _SMALLEST), -math.inf)
    return Warping(centre * largest, spread * largest, knee)
