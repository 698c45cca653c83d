"""Turns models of outcomes into the acquisition, given joint draws of what is not certain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.acquisition import Acquisition, Constraint
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.posterior import Posterior, drawn
from nextpoint_service.optimizer.priors import Guide
from nextpoint_service.optimizer.surrogate import Surrogate

_QUIET = 1e-5
"""Noise of a smaller share of the variance changes nothing: what was seen as best is the best."""
_DRAWS = 16
_BASELINE = 64
"""How many observations may turn out to be the best."""
_LEFT = 1e-3
"""How much it counts to satisfy the constraints where a pending point does already."""


@dataclass(frozen=True, slots=True)
class Known:
    """The models of the outcomes, and the rows of successful observations and pending points."""

    surrogates: tuple[Surrogate, ...]
    succeeded: Array
    pending: Array

    @property
    def optimized(self) -> Surrogate:
        """Return the model of what is optimized."""
        return next(each for each in self.surrogates if each.outcome.optimized)

    @property
    def metrics(self) -> list[Surrogate]:
        """Return the models of metrics, all of which know all successful observations."""
        return [each for each in self.surrogates if each.outcome.metric is not None]

    @property
    def constraints(self) -> list[Surrogate]:
        """Return the models of what has to reach a floor."""
        return [each for each in self.surrogates if each.outcome.floor is not None]

    def satisfied(self) -> NDArray[np.bool_]:
        """Say for every successful observation whether it was measured to reach every floor."""
        reached = np.ones(len(self.succeeded), dtype=bool)
        for each in self.constraints:
            if each.outcome.metric is not None:
                reached &= each.data.values[: len(reached)] >= each.floor
        return reached

    def believing(self) -> "Known":
        """Return what is known as if what is expected at pending points had been measured."""
        return Known(
            tuple(each.believing(self.pending) for each in self.surrogates),
            np.vstack([self.succeeded, self.pending]),
            self.pending[:0],
        )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A model given draws, and the draws at the baseline and at the pending points."""

    model: Posterior
    baseline: Array
    pending: Array


def acquisition_of(known: Known, guide: Guide, random: np.random.Generator) -> Acquisition:
    """Return log noisy expected improvement, or the log probability to satisfy the constraints.

    The latter until an observation satisfies them; until then pending points are drawn as they are.
    Afterwards they count as observed, with what the models expect there: with 16 workers that found
    better points (docs/decisions/0015).
    """
    improves = bool(known.satisfied().any())
    if improves:
        known = known.believing()
    baseline = _baseline(known)
    draws = _DRAWS if len(baseline) or len(known.pending) else 1
    given = {
        each.outcome.name: _drawn(each, known, baseline, draws, random) for each in known.surrogates
    }
    best = _best(known, given, draws, certain=not len(baseline))
    constraints = tuple(
        Constraint(given[each.outcome.name].model, each.floor) for each in known.constraints
    )
    weights = np.full(draws, -np.log(draws))
    if not improves:
        weights = weights + np.where(np.isfinite(best), np.log(_LEFT), 0.0)
        return Acquisition(None, best, constraints, weights, guide)
    least = float(known.optimized.posterior.means_at(known.succeeded).min())
    best = np.where(np.isfinite(best), best, least)
    optimized = given[known.optimized.outcome.name].model
    return Acquisition(optimized, best, constraints, weights, guide)


def _baseline(known: Known) -> NDArray[np.int64]:
    """Return the observations that may be the best; none where no noise leaves that open."""
    if all(each.noise_share <= _QUIET for each in known.metrics):
        return np.empty(0, dtype=np.int64)
    moments = known.optimized.posterior.moments(known.succeeded)
    hope = moments.means[:, 0] + moments.stddev
    return np.sort(np.argsort(-hope, kind="stable")[:_BASELINE])


def _drawn(
    surrogate: Surrogate,
    known: Known,
    baseline: NDArray[np.int64],
    draws: int,
    random: np.random.Generator,
) -> _Drawn:
    # Whether an observation succeeded is certain.
    own = baseline if surrogate.outcome.metric is not None else baseline[:0]
    count = len(own) + len(known.pending)
    if count == 0:
        return _Drawn(surrogate.posterior, np.empty((0, draws)), np.empty((0, draws)))
    model, values = drawn(
        surrogate.posterior,
        surrogate.data,
        surrogate.hyperparameters.noise,
        baseline=own,
        pending=known.pending,
        normals=random.standard_normal((count, draws)),
    )
    return _Drawn(model, values[: len(own)], values[len(own) :])


def _best(known: Known, given: dict[str, _Drawn], draws: int, *, certain: bool) -> Array:
    """Return for every draw the best that satisfies the constraints; minus infinity for none."""
    if certain:
        measured = {
            each.outcome.name: each.posterior.means_at(known.succeeded) for each in known.metrics
        }
    else:
        measured = {name: each.baseline for name, each in given.items()}
    expected = {name: each.pending for name, each in given.items()}
    of_metrics = [each for each in known.constraints if each.outcome.metric is not None]
    return np.maximum(
        _best_of(known.optimized, of_metrics, measured, draws),
        _best_of(known.optimized, known.constraints, expected, draws),
    )


def _best_of(
    optimized: Surrogate,
    constraints: Sequence[Surrogate],
    values: dict[str, Array],
    draws: int,
) -> Array:
    gains = values[optimized.outcome.name]
    for each in constraints:
        gains = np.where(values[each.outcome.name] >= each.floor, gains, -np.inf)
    return np.asarray(np.broadcast_to(gains.max(axis=0, initial=-np.inf), (draws,)))
