"""What a Gaussian process expects at points, given data or given draws of its own values.

Rasmussen and Williams (2006), "Gaussian processes for machine learning", algorithm 2.1; the inverse
of the Cholesky factor is kept, because it is far better conditioned than that of the covariance.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.fit import LEAST_NOISE, Data, Hyperparameters
from nextpoint_service.optimizer.kernel import Kernel
from nextpoint_service.optimizer.not_fitted import NotFitted

_LEAST_VARIANCE = 1e-12
_JITTERS = (0.0, 1e-8, 1e-6, 1e-4, 1e-2)


@dataclass(frozen=True, slots=True)
class Moments:
    """What is expected at points, a row each: a mean for each draw, and one standard deviation.

    `slope` and `whitened` are what `Posterior.gradient` needs.
    """

    means: Array
    stddev: Array
    slope: Array
    whitened: Array


@dataclass(frozen=True, slots=True)
class Posterior:
    """A Gaussian process that knows values at points: one column of `pulls` for each draw."""

    kernel: Kernel
    points: Array
    mean: float
    inverse: Array
    """Of the lower Cholesky factor of the covariance of the points, noise included."""
    pulls: Array
    noise: float
    """The variance of the noise of a measurement to come; next to none given draws of the truth."""

    def moments(self, places: Array) -> Moments:
        """Return the moments at places, a row each."""
        covariance, slope = self.kernel.with_slope(places, self.points)
        whitened = covariance @ self.inverse.T
        variance = self.kernel.scale - (whitened * whitened).sum(axis=1)
        stddev = np.sqrt(np.maximum(variance, _LEAST_VARIANCE * self.kernel.scale))
        return Moments(self.mean + covariance @ self.pulls, stddev, slope, whitened)

    def gradient(self, places: Array, moments: Moments, by_mean: Array, by_stddev: Array) -> Array:
        """Return the gradient, by the places, of what has these derivatives by the moments."""
        if self.pulls.shape[1] == 1:
            by_mean = by_mean.sum(axis=1, keepdims=True)
        loss = (by_stddev / moments.stddev)[:, None] * (moments.whitened @ self.inverse)
        weights = by_mean @ self.pulls.T - loss
        weights *= moments.slope
        rise = weights.sum(axis=1)[:, None] * places - weights @ self.points
        return np.asarray(rise / self.kernel.column_scales**2)

    def means_at(self, places: Array) -> Array:
        """Return the means at places, a column for each draw."""
        return np.asarray(self.mean + self.kernel.covariance(places, self.points) @ self.pulls)

    def believing(self, rows: Array) -> "Posterior":
        """Return the posterior as if what is expected at the rows had been measured there.

        What is expected stays the same everywhere; only how certain it is changes.
        """
        whitened = self.kernel.covariance(rows, self.points) @ self.inverse.T
        left = self.kernel.covariance(rows, rows) - whitened @ whitened.T
        corner = _inverse_factor(left, np.diagonal(left) + self.noise, self.kernel.scale)
        known = len(self.points)
        inverse = np.zeros((known + len(rows), known + len(rows)))
        inverse[:known, :known] = self.inverse
        inverse[known:, :known] = -corner @ (whitened @ self.inverse)
        inverse[known:, known:] = corner
        pulls = np.vstack([self.pulls, np.zeros((len(rows), self.pulls.shape[1]))])
        return replace(self, points=np.vstack([self.points, rows]), inverse=inverse, pulls=pulls)

    def joint(self, places: Array) -> tuple[Array, Array]:
        """Return the means at places, a column for each draw, and their covariance."""
        covariance = self.kernel.covariance(places, self.points)
        whitened = covariance @ self.inverse.T
        within = self.kernel.covariance(places, places)
        return self.mean + covariance @ self.pulls, within - whitened @ whitened.T


def posterior(data: Data, hyperparameters: Hyperparameters) -> Posterior:
    """Return what is known after the data."""
    kernel, noise = hyperparameters.kernel, data.noise
    if noise is None:
        noise = np.full(len(data.points), hyperparameters.noise)
    noise = np.maximum(noise, LEAST_NOISE)
    inverse = _inverse(kernel, data.points, noise)
    whitened = inverse @ np.column_stack([data.values, np.ones(len(data.points))])
    mean = float((whitened[:, 0] @ whitened[:, 1]) / (whitened[:, 1] @ whitened[:, 1]))
    pulls = inverse.T @ (whitened[:, :1] - mean * whitened[:, 1:])
    return Posterior(kernel, data.points, mean, inverse, pulls, float(np.median(noise)))


def drawn(
    known: Posterior,
    data: Data,
    noise: float,
    *,
    baseline: NDArray[np.int64],
    pending: Array,
    normals: Array,
) -> tuple[Posterior, Array]:
    """Return the posterior given draws of the values at observed and at pending points.

    `baseline` are indexes of observed points whose true values are drawn, jointly with those at the
    pending points; `normals` has a row for each of these and a column for each draw. The second
    that is returned are the draws, in the order of the rows.
    """
    places = np.vstack([data.points[baseline], pending])
    means, covariance = known.joint(places)
    values = means + _factor(covariance, known.kernel.scale) @ normals
    count = len(data.points)
    noises = np.full(count, noise) if data.noise is None else data.noise.copy()
    noises[baseline] = 0.0
    noises = np.concatenate([noises, np.zeros(len(pending))])
    points = np.vstack([data.points, pending])
    targets = np.repeat(data.values[:, None], normals.shape[1], axis=1)
    targets[baseline] = values[: len(baseline)]
    targets = np.vstack([targets, values[len(baseline) :]]) - known.mean
    inverse = _inverse(known.kernel, points, np.maximum(noises, LEAST_NOISE))
    pulls = inverse.T @ (inverse @ targets)
    return Posterior(known.kernel, points, known.mean, inverse, pulls, LEAST_NOISE), values


def _inverse(kernel: Kernel, points: Array, noise: Array) -> Array:
    covariance = kernel.covariance(points, points)
    return _inverse_factor(covariance, kernel.scale + noise, kernel.scale)


def _inverse_factor(covariance: Array, diagonal: Array, scale: float) -> Array:
    """Return the inverse of the lower Cholesky factor of a covariance with this diagonal."""
    for jitter in _JITTERS:
        np.fill_diagonal(covariance, diagonal + jitter * scale)
        factor, failed = lapack.dpotrf(covariance, lower=1)
        if not failed:
            inverse, _ = lapack.dtrtri(factor, lower=1, overwrite_c=1)
            return np.asarray(np.tril(inverse), order="C")
    raise NotFitted("the covariance of the observations cannot be inverted")


def _factor(covariance: Array, scale: float) -> Array:
    """Return a factor of a covariance that rounding may have left indefinite."""
    size = len(covariance)
    for jitter in (1e-10, 1e-8, 1e-6, 1e-4):
        factor, failed = lapack.dpotrf(covariance + jitter * scale * np.eye(size), lower=1)
        if not failed:
            return np.asarray(np.tril(factor))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
