"""Makes points for several solutions: for one after the other, each on a hill of its own.

The hills are those of the model's mean, told apart as Maree, Alderliesten, Thierens and Bosman
(2018), "Real-valued evolutionary multi-modal optimization driven by hill-valley clustering", do it:
two places are on the same hill when nothing between them is lower than both. As in Maus, Wu,
Eriksson and Gardner (2023), "Discovering many diverse solutions with Bayesian optimization", the
solutions are in order, and each keeps its distance from those before it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.solutions import apart
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.candidates import CENTRES, around, spread_out
from nextpoint_service.optimizer.learning import (
    Models,
    believing,
    best_first,
    log_satisfaction,
    merit,
    modest,
    rows_at,
)
from nextpoint_service.optimizer.normal import log_improvement
from nextpoint_service.optimizer.priors import Guide
from nextpoint_service.optimizer.search import Found, guide_of, propose_by

_SPREAD = 1024
_AROUND = 6
_REFINEMENTS = 2
_REFINED = 4
_BETWEEN = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Where to look for a valley between two places, as shares of the way."""
_SHALLOW = 0.05
"""How deep a valley is at least, in standard deviations of the values."""


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that improve one solution after the other; equal problems, equal points.

    On each hill the expected improvement on the best that is there is maximized, away from better
    tops. A turn in which there is no further hill, and one more, look for a new one: where a
    variance is largest that is weighed with the probability to be better than the median.
    """
    return propose_by(_search, problem, most_observations=most_observations)


@dataclass(frozen=True, slots=True)
class _Land:
    """What the model expects, and how far tops are apart at least."""

    learned: Models
    guide: Guide
    gap: float

    def divided(self, rows: Array, top: Array) -> NDArray[np.bool_]:
        """Say for each row whether there is a valley between it and the top."""
        ends = np.minimum(merit(self.learned, rows), merit(self.learned, top[None, :])[0])
        ways = [merit(self.learned, share * rows + (1.0 - share) * top) for share in _BETWEEN]
        return np.asarray(np.min(ways, axis=0) < ends - _SHALLOW)

    def far(self, rows: Array, tops: Array) -> NDArray[np.bool_]:
        """Say for each row whether it is far enough from all of the tops."""
        gaps = np.linalg.norm(rows[:, None, :] - tops[None, :, :], axis=2)
        return np.asarray((gaps >= self.gap).all(axis=1))


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one point is for: the hill of `top`, or a new one where that is None.

    `better` are the tops to keep away from. `beaten` is what has to be improved on.
    """

    land: _Land
    top: Array | None
    better: Array
    beaten: float

    def belongs(self, rows: Array) -> NDArray[np.bool_]:
        """Say which rows are where the point may be."""
        far = self.land.far(rows, self.better)
        return far if self.top is None else far & ~self.land.divided(rows, self.top)

    def values(self, rows: Array) -> Array:
        """Return how promising each row is."""
        learned = self.land.learned
        moments = learned.optimized.posterior.moments(rows)
        margin = (moments.means - self.beaten) / moments.stddev[:, None]
        if self.top is None:
            found = log_ndtr(margin[:, 0]) + 2.0 * np.log(moments.stddev)
        else:
            found = log_improvement(margin, moments.stddev)[:, 0]
        return np.asarray(found + log_satisfaction(learned, rows) + self.land.guide.weights(rows))


def _search(problem: Problem, learned: Models, random: np.random.Generator) -> Found:
    layout = learned.layout
    observed = learned.succeeded
    count = problem.experiment.num_solutions
    learned = replace(learned, surrogates=modest(learned))
    land = _Land(
        believing(learned, rows_at(layout, problem.pending)),
        guide_of(problem, layout),
        apart(problem.experiment.space, count) * len(layout.axes) ** 0.5,
    )
    everywhere = spread_out(layout, land.guide.priors, count=_SPREAD, random=random)
    best = best_first(land.learned, observed)[:CENTRES]
    rows = np.vstack([observed, everywhere, around(layout, best, each=1, random=random)])
    turn = _turn(land, observed, rows, problem.index % (count + 1), count)
    centres = best if turn.top is None else turn.top[None, :]
    for _ in range(1 + _REFINEMENTS):
        rows = np.vstack([rows, centres, around(layout, centres, each=_AROUND, random=random)])
        eligible = rows[turn.belongs(rows)]
        rows = eligible if len(eligible) else rows
        values = turn.values(rows)
        order = np.argsort(-values, kind="stable")
        rows, values = rows[order], values[order]
        centres = rows[:_REFINED]
    return Found(rows, turn.values, "GP expected improvement by region")


def _turn(land: _Land, observed: Array, rows: Array, number: int, count: int) -> _Turn:
    expected = merit(land.learned, observed)
    tops = _tops(land, rows, min(number + 1, count))
    if number < len(tops):
        top = tops[number]
        own = expected[~land.divided(observed, top)]
        return _Turn(land, top, tops[:number], float(own.max(initial=expected.min())))
    return _Turn(land, None, tops, float(np.median(expected)))


def _tops(land: _Land, rows: Array, most: int) -> Array:
    """Return the tops of at most so many hills, the highest first."""
    tops: list[Array] = []
    left = rows[np.argsort(-merit(land.learned, rows), kind="stable")]
    while len(left) and len(tops) < most:
        top = left[0]
        tops.append(top)
        left = left[land.far(left, top[None, :]) & land.divided(left, top)]
    return np.array(tops)
