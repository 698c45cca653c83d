"""Two objectives: how much the area is expected to grow that a frontier dominates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.improvement import Slopes
from nextpoint_service.optimizer.normal import improvement_slopes, log_improvement, log_sum
from nextpoint_service.optimizer.posterior import Moments, Posterior


@dataclass(frozen=True, slots=True)
class FrontierImprovement:
    """Two objectives: what the area would grow by that the frontier dominates, in each draw.

    Emmerich, Deutz and Klinkenberg (2011), "Hypervolume-based expected improvement: monotonicity
    properties and exact computation"; the sum over strips is that of Yang, Emmerich, Deutz and
    Bäck (2019), "Efficient computation of expected hypervolume improvement using box decomposition
    algorithms". A strip begins at a value of the first objective, `starts`, and ends where the next
    begins; the area in it begins at a value of the second, `floors`. Both have a row for each draw.
    `known` are the values of each objective, at each place, in each draw; the area is that above
    the `reference`.
    """

    method: ClassVar[str] = "noisy expected hypervolume improvement"

    first: Posterior
    second: Posterior
    reference: tuple[float, float]
    known: Array
    starts: Array
    floors: Array

    @classmethod
    def over(
        cls, first: Posterior, second: Posterior, reference: tuple[float, float], known: Array
    ) -> "FrontierImprovement":
        """Return the improvement on what is known."""
        frontiers = [_frontier(reference, known[:, :, each]) for each in range(known.shape[2])]
        most = max(len(each) for each in frontiers)
        starts = np.empty((len(frontiers), most + 1))
        floors = np.empty((len(frontiers), most + 1))
        for index, frontier in enumerate(frontiers):
            # Those that have fewer begin with strips of no width.
            missing = most - len(frontier)
            starts[index, : missing + 1] = reference[0]
            starts[index, missing + 1 :] = frontier[:, 0]
            floors[index, :missing] = reference[1]
            floors[index, missing:-1] = frontier[:, 1]
            floors[index, -1] = reference[1]
        return cls(first, second, reference, known, starts, floors)

    def log_values(self, places: Array) -> Array:
        """See `Improvement`."""
        strips = self._strips(places)
        return log_sum(strips.across + strips.above)

    def with_slopes(self, places: Array) -> tuple[Array, list[Slopes]]:
        """See `Improvement`."""
        strips = self._strips(places)
        total = log_sum(strips.across + strips.above)
        share = np.exp(strips.across + strips.above - total[:, :, None])
        # What is above the start of a strip, less what is above its end.
        begun = np.where(strips.across > -np.inf, strips.beyond + strips.above, -np.inf)
        begun = np.exp(begun - total[:, :, None])
        left = np.exp(_next(strips.beyond, -np.inf) - strips.beyond)
        first = [begun * (each - left * _next(each, 0.0)) for each in improvement_slopes(strips.x)]
        second = [share * each for each in improvement_slopes(strips.y)]
        return total, [
            Slopes(posterior, moments, *(each.sum(axis=2) / moments.stddev[:, None] for each in by))
            for posterior, moments, by in (
                (self.first, strips.first, first),
                (self.second, strips.second, second),
            )
        ]

    def believing(self, rows: Array, satisfying: NDArray[np.bool_]) -> "FrontierImprovement":
        """See `Improvement`."""
        values = np.stack([each.means_at(rows) for each in (self.first, self.second)])
        values = np.where(satisfying, values, -np.inf)
        return FrontierImprovement.over(
            self.first.believing(rows),
            self.second.believing(rows),
            self.reference,
            np.concatenate([self.known, values], axis=1),
        )

    def _strips(self, places: Array) -> "_Strips":
        first, second = self.first.moments(places), self.second.moments(places)
        x = (first.means[:, :, None] - self.starts) / first.stddev[:, None, None]
        y = (second.means[:, :, None] - self.floors) / second.stddev[:, None, None]
        beyond = log_improvement(x, first.stddev)
        gap = _next(beyond, -np.inf) - beyond
        across = np.full(gap.shape, -np.inf)
        wide = gap < 0.0
        across[wide] = beyond[wide] + np.log(-np.expm1(gap[wide]))
        return _Strips(first, second, x, y, beyond, across, log_improvement(y, second.stddev))


@dataclass(frozen=True, slots=True)
class _Strips:
    """What is expected in each strip: of one place, one draw and one strip each."""

    first: Moments
    second: Moments
    x: Array
    y: Array
    beyond: Array
    across: Array
    above: Array


def _next(strips: Array, last: float) -> Array:
    """Return what the next strip has; of the last it is `last`."""
    ends = np.full((*strips.shape[:-1], 1), last)
    return np.concatenate([strips[..., 1:], ends], axis=-1)


def _frontier(reference: tuple[float, float], values: Array) -> Array:
    """Return what nothing else dominates of what exceeds the reference: a row each, in order."""
    above = values[:, (values[0] > reference[0]) & (values[1] > reference[1])].T
    if not len(above):
        return above
    ordered = above[np.lexsort((above[:, 1], above[:, 0]))[::-1]]
    highest = np.maximum.accumulate(ordered[:, 1])
    kept = np.append(True, highest[1:] > highest[:-1])
    return np.asarray(ordered[kept][::-1])
