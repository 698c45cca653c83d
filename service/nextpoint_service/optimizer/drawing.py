"""Turns models of outcomes into the acquisition, given joint draws of what is not certain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.acquisition import Acquisition, Constraint
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.dominance import dominance_count, least_dominated_first
from nextpoint_service.optimizer.frontier import FrontierImprovement
from nextpoint_service.optimizer.improvement import BestImprovement, Improvement
from nextpoint_service.optimizer.learning import PENALTY
from nextpoint_service.optimizer.posterior import Posterior, drawn
from nextpoint_service.optimizer.priors import Guide
from nextpoint_service.optimizer.surrogate import Surrogate

_QUIET = 1e-5
"""Noise of a smaller share of the variance changes nothing: what was seen as best is the best."""
_DRAWS = 16
_BASELINE = 64
"""How many observations may turn out to be the best."""
_MARGIN = 0.1
"""How far the reference is below the frontier, or all that is known, in ranges of what is known."""
_LEFT = 1e-3
"""How much it counts to satisfy the constraints where a pending point does already."""


@dataclass(frozen=True, slots=True)
class Known:
    """The models of the outcomes, and the rows of successful observations and pending points."""

    surrogates: tuple[Surrogate, ...]
    succeeded: Array
    pending: Array
    believed: int = 0
    """How many of those that succeeded, the last, are pending and taken for measured."""

    @property
    def optimized(self) -> list[Surrogate]:
        """Return the models of what is optimized: one, or two."""
        return [each for each in self.surrogates if each.outcome.optimized]

    @property
    def metrics(self) -> list[Surrogate]:
        """Return the models of metrics, all of which know all successful observations."""
        return [each for each in self.surrogates if each.outcome.metric is not None]

    @property
    def constraints(self) -> list[Surrogate]:
        """Return the models of what has to reach a floor, and is not optimized itself."""
        return [
            each
            for each in self.surrogates
            if each.outcome.floor is not None and not each.outcome.optimized
        ]

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
            len(self.pending),
        )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A model given draws, and its values in each draw at what was measured and at what is pending.

    Those that were measured are of the baseline, or of all where nothing is uncertain.
    """

    model: Posterior
    measured: Array
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
    constraints = tuple(
        Constraint(given[each.outcome.name].model, each.floor) for each in known.constraints
    )
    measured, pending = _satisfied(known, given)
    weights = np.full(draws, -np.log(draws))
    if not improves:
        there = measured.any(axis=0) | pending.any(axis=0)
        return Acquisition(None, constraints, weights + np.where(there, np.log(_LEFT), 0.0), guide)
    values = [
        np.where(measured, given[each.outcome.name].measured, -np.inf) for each in known.optimized
    ]
    models = [given[each.outcome.name].model for each in known.optimized]
    improvement = _improvement(known, models, np.stack(values), random)
    return Acquisition(improvement, constraints, weights, guide)


def _improvement(
    known: Known, models: list[Posterior], values: Array, random: np.random.Generator
) -> Improvement:
    """Return the improvement on values: of each objective, at each place, in each draw."""
    if len(models) == 1:
        best = values[0].max(axis=0)
        least = float(known.optimized[0].posterior.means_at(known.succeeded).min())
        return BestImprovement(models[0], np.where(np.isfinite(best), best, least))
    reference = _reference(known, widely=random.random() < 0.5)
    return FrontierImprovement.of(models[0], models[1], reference, values)


def _reference(known: Known, *, widely: bool) -> tuple[float, float]:
    """Return from where on each of two objectives counts: its threshold where it has one.

    Otherwise that is a little below the frontier, or, if `widely`, below all that is known, so that
    the ends of the frontier are looked for as well.
    """
    expected = np.array(
        [each.posterior.means_at(known.succeeded)[:, 0] for each in known.optimized]
    )
    margins = _MARGIN * np.ptp(expected, axis=1)
    if not widely:
        expected = expected[:, known.satisfied()]
        expected = expected[:, dominance_count(expected) == 0]
    lows = expected.min(axis=1) - margins
    first, second = (
        float(low) if each.outcome.floor is None else each.floor
        for each, low in zip(known.optimized, lows, strict=True)
    )
    return first, second


def _baseline(known: Known) -> NDArray[np.int64]:
    """Return the observations that may be the best; none where no noise leaves that open."""
    if all(each.noise_share <= _QUIET for each in known.metrics):
        return np.empty(0, dtype=np.int64)
    hopes = np.array([_hope(each, known.succeeded) for each in known.optimized])
    for each in known.constraints:
        if each.outcome.metric is not None:
            hopes -= PENALTY * np.maximum(each.floor - _hope(each, known.succeeded), 0.0)
    return np.sort(least_dominated_first(hopes)[:_BASELINE])


def _hope(surrogate: Surrogate, rows: Array) -> Array:
    moments = surrogate.posterior.moments(rows)
    return np.asarray(moments.means[:, 0] + moments.stddev)


def _drawn(
    surrogate: Surrogate,
    known: Known,
    baseline: NDArray[np.int64],
    draws: int,
    random: np.random.Generator,
) -> _Drawn:
    # Whether an observation succeeded is certain.
    own = baseline if surrogate.outcome.metric is not None else baseline[:0]
    # What is believed comes after what failures suppose.
    supposed = len(surrogate.data.points) - len(known.succeeded)
    is_believed = own >= len(known.succeeded) - known.believed
    count = len(own) + len(known.pending)
    model, values = surrogate.posterior, np.empty((0, draws))
    if count:
        model, values = drawn(
            surrogate.posterior,
            surrogate.data,
            surrogate.hyperparameters.noise,
            baseline=np.where(is_believed, own + supposed, own),
            pending=known.pending,
            normals=random.standard_normal((count, draws)),
        )
    measured = (
        values[: len(own)] if len(baseline) else surrogate.posterior.means_at(known.succeeded)
    )
    return _Drawn(model, measured, values[len(own) :])


def _satisfied(
    known: Known, given: dict[str, _Drawn]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of what was measured and what is pending where it satisfies the constraints."""
    some = given[known.optimized[0].outcome.name]
    measured = np.ones(some.measured.shape, dtype=bool)
    pending = np.ones(some.pending.shape, dtype=bool)
    for each in known.constraints:
        values = given[each.outcome.name]
        pending &= values.pending >= each.floor
        if each.outcome.metric is not None:
            measured &= values.measured >= each.floor
    return measured, pending
