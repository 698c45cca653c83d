"""Learns the hyperparameters of a Gaussian process: those most probable given the data.

The priors of the lengthscales grow with the number of parameters (Hvarfner, Hellsten and Nardi
(2024), "Vanilla Bayesian optimization performs great in high dimensions").
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.kernel import Kernel, differences, profile
from nextpoint_service.optimizer.not_fitted import NotFitted

LEAST_NOISE = 1e-8
"""The least variance of noise, where that of the values is 1; it keeps matrices solvable."""
_LENGTHSCALE_SPREAD = math.sqrt(3.0)
_NOISE_SHAPE, _NOISE_RATE = 1.1, 1.0
"""Of a gamma distribution: little noise is likely, and much is not unlikely.

With a rate of 5 noise that is larger than the signal was hardly smoothed (docs/decisions/0015).
"""
_SHORTEST, _LONGEST = 0.02, 1e3
"""The bounds of lengthscales, the shorter one times the root of the number of parameters.

With shorter ones noise is explained by a function that is different everywhere.
"""
_CONSTANT = 1e-9
"""Values, of which most are about 1 apart, that teach nothing about how far they reach."""
_STEPS = 60
_MORE_STEPS = 12
"""From what fewer points taught, which is near already."""


@dataclass(frozen=True, slots=True)
class Data:
    """Points, their values, and the variance of the noise of each; None where it is unknown."""

    points: Array
    values: Array
    group: NDArray[np.int64]
    noise: Array | None


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What was learned; `noise` is the variance where it is unknown, else 0."""

    kernel: Kernel
    noise: float


def fit(data: Data, start: Hyperparameters | None = None) -> Hyperparameters:
    """Return the hyperparameters of the largest posterior density; equal data give equal ones.

    Without a `start` it begins from two places: long lengthscales with noise, and short without.
    """
    misfit = Misfit(data)
    if np.ptp(data.values) < _CONSTANT:
        # The likeliest process of equal values is one that knows everything everywhere.
        return misfit.unpack(misfit.starts()[0])
    starts = misfit.starts() if start is None else [misfit.pack(start)]
    best: tuple[float, Array] | None = None
    for each in starts:
        result = minimize(
            misfit,
            each,
            jac=True,
            method="L-BFGS-B",
            bounds=misfit.bounds(),
            options={
                "maxiter": _STEPS if start is None else _MORE_STEPS,
                "ftol": 1e-7,
                "gtol": 1e-3,
            },
        )
        if math.isfinite(result.fun) and (best is None or result.fun < best[0]):
            best = float(result.fun), result.x
    if best is None:
        raise NotFitted("no model fits the observations")
    return misfit.unpack(best[1])


class Misfit:
    """The negative logarithm of the posterior density and its gradient.

    Its variables are the logarithms of the lengthscales, of the scale, and of the noise if that is
    unknown; the constant mean is the best for them.
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._count = len(data.points)
        self._groups = int(data.group.max()) + 1
        self._centre = math.sqrt(2.0) + 0.5 * math.log(self._groups)
        self._pairs = np.triu_indices(self._count, 1)
        self._squared = differences(data.points, data.group)

    def starts(self) -> list[Array]:
        """Return where to begin."""
        middle = math.log(0.5 * self._groups**0.5) + 1.0
        unknown = self._data.noise is None
        return [
            np.array([middle + shift] * self._groups + [0.0] + [math.log(noise)] * unknown)
            for shift, noise in ((0.0, 1e-2), (-1.5, 1e-5))
        ]

    def bounds(self) -> list[tuple[float, float]]:
        """Return the bounds of the variables."""
        lengths = math.log(_SHORTEST * self._groups**0.5), math.log(_LONGEST)
        found = [lengths] * self._groups + [(math.log(0.05), math.log(20.0))]
        return found if self._data.noise is not None else [*found, (math.log(LEAST_NOISE), 0.0)]

    def pack(self, known: Hyperparameters) -> Array:
        """Return the variables of hyperparameters."""
        packed = [*np.log(known.kernel.lengthscales), math.log(known.kernel.scale)]
        if self._data.noise is None:
            packed.append(math.log(max(known.noise, LEAST_NOISE)))
        return np.array(packed)

    def unpack(self, variables: Array) -> Hyperparameters:
        """Return the hyperparameters of variables."""
        kernel = Kernel(
            np.exp(variables[: self._groups]),
            self._data.group,
            math.exp(variables[self._groups]),
        )
        noise = 0.0 if self._data.noise is not None else math.exp(variables[-1])
        return Hyperparameters(kernel, noise)

    def __call__(self, variables: Array) -> tuple[float, Array]:
        """Return the value and the gradient; both are useless where the covariance is singular."""
        weights = np.exp(-2.0 * variables[: self._groups])
        scale = math.exp(variables[self._groups])
        value, slope = profile(weights @ self._squared)
        covariance = np.empty((self._count, self._count), order="F")
        # Only the upper triangle, which is all that LAPACK reads.
        covariance[self._pairs] = scale * value
        noise = self._data.noise if self._data.noise is not None else math.exp(variables[-1])
        np.fill_diagonal(covariance, scale + noise)
        factor, failed = lapack.dpotrf(covariance, lower=0, overwrite_a=1)
        if failed:
            return 1e10, np.zeros_like(variables)
        halves = 2.0 * float(np.log(np.diagonal(factor)).sum())
        inverse, _ = lapack.dpotri(factor, lower=0)
        both = lapack.dpotrs(factor, np.column_stack([self._data.values, np.ones(self._count)]))[0]
        mean = float(both[:, 0].sum() / both[:, 1].sum())
        alpha = both[:, 0] - mean * both[:, 1]
        residual = self._data.values - mean
        loss = 0.5 * (float(residual @ alpha) + halves)
        rows, columns = self._pairs
        # Every pair stands for two entries of the symmetric matrix.
        pull = alpha[rows] * alpha[columns] - inverse[self._pairs]
        diagonal = alpha * alpha - np.diagonal(inverse)
        gradient = np.empty_like(variables)
        gradient[: self._groups] = scale * 2.0 * weights * (self._squared @ (pull * slope))
        gradient[self._groups] = -scale * (float(pull @ value) + 0.5 * float(diagonal.sum()))
        if self._data.noise is None:
            gradient[-1] = -0.5 * float(noise) * float(diagonal.sum())
        return self._with_priors(variables, loss, gradient)

    def _with_priors(self, variables: Array, loss: float, gradient: Array) -> tuple[float, Array]:
        lengths = (variables[: self._groups] - self._centre) / _LENGTHSCALE_SPREAD
        loss += 0.5 * float(lengths @ lengths) + float(variables[: self._groups].sum())
        gradient[: self._groups] += lengths / _LENGTHSCALE_SPREAD + 1.0
        # That of the scale is of spread 1.
        scale = variables[self._groups]
        loss += 0.5 * float(scale**2)
        gradient[self._groups] += scale
        if self._data.noise is None:
            noise = math.exp(variables[-1])
            loss -= (_NOISE_SHAPE - 1.0) * float(variables[-1]) - _NOISE_RATE * noise
            gradient[-1] -= (_NOISE_SHAPE - 1.0) - _NOISE_RATE * noise
        return loss, gradient
