"""The model of a metric that cheaper tasks tell of, as far as they tell the truth.

A model trained on a tenth of the data is worse everywhere: what tells is how much worse here than
there. So full values are regressed on what a model of the cheaper ones expects at the same points,
as in Kennedy and O'Hagan (2000), "Predicting the output from a complex computer code when fast
approximations are available"; what is not linear is left to the joint model. Where full evaluations
alone predict each other better than with the others' help, the others are left out.
"""

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.fit import Data, fit
from nextpoint_service.optimizer.outcomes import Outcome
from nextpoint_service.optimizer.posterior import Posterior, posterior
from nextpoint_service.optimizer.surrogate import Surrogate, surrogate_of

_LARGEST = 1e308
_FEWEST = 2
"""Values of each of two tasks, without which there is nothing to compare."""
_BELIEF = 2.0
"""How many observations the belief is worth that the scale is the same."""
_JUDGES = 4
"""Full evaluations, without which cheaper ones are trusted."""
_DOUBT = 1.0
"""By how much the logarithm of the predicted density has to be larger without them."""


def surrogate_with_tasks(
    outcome: Outcome, rows: Array, values: Array, stddevs: Array, group: NDArray[np.int64]
) -> Surrogate:
    """Return the model of values, of which those of full evaluations come first.

    The last column of the rows is the place of the task.
    """
    full = rows[:, -1] == 0.0
    values, stddevs = _aligned(outcome, rows, values, stddevs, group[:-1])
    together = surrogate_of(outcome, rows, values, stddevs, group)
    if full.all() or full.sum() < _JUDGES:
        return together
    known = together.data
    noise = None if known.noise is None else known.noise[full]
    apart = Data(known.points[full], known.values[full], group, noise)
    alone = posterior(apart, fit(apart))
    count = int(full.sum())
    if _foresight(alone, count) <= _foresight(together.posterior, count) + _DOUBT:
        return together
    return surrogate_of(outcome, rows[full], values[full], stddevs[full], group)


def _foresight(known: Posterior, count: int) -> float:
    """Return the logarithm of the density of the first values, each predicted from all others.

    Rasmussen and Williams (2006), "Gaussian processes for machine learning", equation 5.12.
    """
    precision = (known.inverse[:, :count] ** 2).sum(axis=0)
    missed = known.pulls[:count, 0] / precision
    return float(0.5 * (np.log(precision) - missed**2 * precision).sum())


def _aligned(
    outcome: Outcome, rows: Array, values: Array, stddevs: Array, group: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return the values, and their standard deviations, as if they were of full evaluations."""
    places = rows[:, -1]
    full = places == 0.0
    if full.sum() < _FEWEST:
        return values, stddevs
    # Squares of huge values would overflow.
    scale = float(np.abs(values).max()) or 1.0
    known, values, stddevs = values / scale, values.copy(), stddevs.copy()
    for place in np.unique(places[~full]):
        own = places == place
        if own.sum() >= _FEWEST:
            model = surrogate_of(outcome, rows[own, :-1], known[own], stddevs[own] / scale, group)
            means = model.posterior.means_at(rows[full, :-1])[:, 0]
            expected = model.warping.backward(means)
            slope = _slope(expected, known[full], spread=float(known[own].var()))
            moved = known[full].mean() + slope * (known[own] - expected.mean())
            values[own] = np.clip(moved, -_LARGEST / scale, _LARGEST / scale) * scale
            stddevs[own] *= abs(slope)
    return values, stddevs


def _slope(expected: Array, measured: Array, *, spread: float) -> float:
    """Return by how much full values rise with what is expected; 1 where little is known."""
    moved = expected - expected.mean()
    belief = _BELIEF * spread
    total = float(moved @ moved) + belief
    return (float(moved @ (measured - measured.mean())) + belief) / total if total else 1.0
