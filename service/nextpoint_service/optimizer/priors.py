"""Priors of parameters, seen from the unit interval between the bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from scipy import special

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.search_space import (
    BetaPrior,
    DoubleParameter,
    NormalPrior,
    Parameter,
    Prior,
)
from nextpoint_service.optimizer.arrays import Array

EDGE = 1e-9
"""How near to its ends the density of a beta prior, which may be infinite there, is looked at."""
_NARROWEST = 1e-9
"""A normal prior whose scale is smaller than this, in units of the bounds, is a single value."""
_WIDEST = 1e6
"""One whose scale is larger is everywhere alike."""
USUAL_BUDGET = 100
"""What is taken for the budget of an experiment that has none."""


def unit_priors(parameters: Sequence[Parameter]) -> dict[int, Prior]:
    """Return the priors of those parameters that have one, by their index, in the unit interval."""
    priors = {index: _unit_prior(parameter) for index, parameter in enumerate(parameters)}
    return {index: prior for index, prior in priors.items() if prior is not None}


def _unit_prior(parameter: Parameter) -> Prior | None:
    if not isinstance(parameter, DoubleParameter) or parameter.prior is None:
        return None
    match parameter.prior:
        case NormalPrior(mean, scale):
            width = parameter.high - parameter.low
            if scale / width > _WIDEST:
                return None
            return NormalPrior((mean - parameter.low) / width, max(scale / width, _NARROWEST))
        case BetaPrior():
            return parameter.prior
        case _:
            assert_never(parameter.prior)


def guidance_exponent(problem: Problem) -> float:
    """Return the power to which the density of the priors is raised when it weighs a model.

    It is a tenth of the budget over the number of observations, as recommended by Hvarfner,
    Stoll, Souza, Lindauer, Hutter and Nardi (2022), "piBO: Augmenting acquisition functions with
    user beliefs for Bayesian optimization": what a user believes counts much at first and less and
    less as more is known, so that a wrong belief only costs time.
    """
    budget = problem.experiment.budget or USUAL_BUDGET
    return budget / 10 / max(len(problem.observations), 1)


@dataclass(frozen=True, slots=True)
class Guide:
    """The priors of columns, which can be none, and the power to which their density is raised."""

    priors: Mapping[int, Prior]
    exponent: float

    def weights(self, places: Array) -> Array:
        """Return what to add to the logarithm of how promising each place is."""
        return self.exponent * log_density(self.priors, places)

    def weights_slope(self, places: Array) -> Array:
        """Return the gradient of `weights` at each place."""
        return self.exponent * log_density_slope(self.priors, places)


def spread(priors: Mapping[int, Prior], units: Array) -> Array:
    """Return rows of the unit cube with these columns led through the priors' inverse CDFs."""
    if not priors:
        return units
    spread = units.copy()
    for column, prior in priors.items():
        spread[:, column] = _quantiles(prior, units[:, column])
    return spread


def _quantiles(prior: Prior, units: Array) -> Array:
    match prior:
        case NormalPrior(mean, scale):
            low, high = special.ndtr(-mean / scale), special.ndtr((1.0 - mean) / scale)
            places = mean + scale * special.ndtri(low + (high - low) * units)
        case BetaPrior(shape_a, shape_b):
            places = special.betaincinv(shape_a, shape_b, units)
        case _:
            assert_never(prior)
    return np.asarray(np.clip(places, 0.0, 1.0))


def log_density(priors: Mapping[int, Prior], places: Array) -> Array:
    """Return the logarithm of the priors' density at each row, 0 where it is highest."""
    total = np.zeros(len(places))
    for column, prior in priors.items():
        place = places[:, column]
        match prior:
            case NormalPrior(mean, scale):
                total -= 0.5 * ((place - mean) / scale) ** 2
            case BetaPrior(shape_a, shape_b):
                inner = np.clip(place, EDGE, 1.0 - EDGE)
                total += (shape_a - 1.0) * np.log(inner) + (shape_b - 1.0) * np.log1p(-inner)
                total -= beta_peak(prior)
            case _:
                assert_never(prior)
    return total


def log_density_slope(priors: Mapping[int, Prior], places: Array) -> Array:
    """Return the gradient of `log_density` at each row."""
    slope = np.zeros_like(places)
    for column, prior in priors.items():
        place = places[:, column]
        match prior:
            case NormalPrior(mean, scale):
                slope[:, column] = (mean - place) / scale**2
            case BetaPrior(shape_a, shape_b):
                inner = np.clip(place, EDGE, 1.0 - EDGE)
                rise = (shape_a - 1.0) / inner - (shape_b - 1.0) / (1.0 - inner)
                slope[:, column] = np.where(inner == place, rise, 0.0)
            case _:
                assert_never(prior)
    return slope


def beta_peak(prior: BetaPrior) -> float:
    """Return the highest logarithm of a beta prior's density, up to the constant left out."""
    first, second = prior.shape_a - 1.0, prior.shape_b - 1.0
    ends = [EDGE, 1.0 - EDGE]
    if first > 0.0 and second > 0.0:
        ends.append(min(max(first / (first + second), EDGE), 1.0 - EDGE))
    return max(float(first * np.log(end) + second * np.log1p(-end)) for end in ends)
