"""Two objectives: how much the hypervolume, an area, is expected to grow beyond a frontier."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array, log_sum
from nextpoint_service.optimizer.dominance import staircase
from nextpoint_service.optimizer.improvement import Slopes
from nextpoint_service.optimizer.normal import improvement_slopes, log_improvement
from nextpoint_service.optimizer.posterior import Moments, Posterior


@dataclass(frozen=True, slots=True)
class FrontierImprovement:
    """Two objectives: the growth of the area that the frontier dominates, in each draw.

    Emmerich, Deutz and Klinkenberg (2011), "Hypervolume-based expected improvement: monotonicity
    properties and exact computation"; the sum over strips is that of Yang, Emmerich, Deutz and
    Bäck (2019), "Efficient computation of expected hypervolume improvement using box decomposition
    algorithms".

    `known` are values of the two objectives: objectives x points x draws, minus infinity for what
    does not count. The area is that above the `reference`. It is cut into strips: one begins at a
    value of the first objective, `starts`, ends where the next begins, and is dominated up to a
    value of the second, `heights`; both are draws x strips.
    """

    method: ClassVar[str] = "noisy expected hypervolume improvement"

    first: Posterior
    second: Posterior
    reference: tuple[float, float]
    known: Array
    starts: Array
    heights: Array

    @classmethod
    def of(
        cls, first: Posterior, second: Posterior, reference: tuple[float, float], known: Array
    ) -> "FrontierImprovement":
        """Return the improvement on what is known."""
        frontiers = [_frontier(reference, known[:, :, each]) for each in range(known.shape[2])]
        most = max(len(each) for each in frontiers)
        starts = np.empty((len(frontiers), most + 1))
        heights = np.empty((len(frontiers), most + 1))
        for index, frontier in enumerate(frontiers):
            # Those that have fewer begin with strips of no width.
            missing = most - len(frontier)
            starts[index, : missing + 1] = reference[0]
            starts[index, missing + 1 :] = frontier[:, 0]
            heights[index, :missing] = reference[1]
            heights[index, missing:-1] = frontier[:, 1]
            heights[index, -1] = reference[1]
        return cls(first, second, reference, known, starts, heights)

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
        return FrontierImprovement.of(
            self.first.believing(rows),
            self.second.believing(rows),
            self.reference,
            np.concatenate([self.known, values], axis=1),
        )

    def _strips(self, places: Array) -> "_Strips":
        first, second = self.first.moments(places), self.second.moments(places)
        x = (first.means[:, :, None] - self.starts) / first.stddev[:, None, None]
        y = (second.means[:, :, None] - self.heights) / second.stddev[:, None, None]
        beyond = log_improvement(x, first.stddev)
        gap = _next(beyond, -np.inf) - beyond
        across = np.full(gap.shape, -np.inf)
        wide = gap < 0.0
        across[wide] = beyond[wide] + np.log(-np.expm1(gap[wide]))
        return _Strips(first, second, x, y, beyond, across, log_improvement(y, second.stddev))


@dataclass(frozen=True, slots=True)
class _Strips:
    """What is expected in each strip: places x draws x strips.

    `x` and `y` are the margins, in standard deviations, of the start of a strip and of its height;
    `beyond`, `across` and `above` the logarithms of the expected improvement on the start, of that
    within the strip alone, and on the height.
    """

    first: Moments
    second: Moments
    x: Array
    y: Array
    beyond: Array
    across: Array
    above: Array


def _next(strips: Array, last: float) -> Array:
    """Return, along the last axis, what the next strip has; of the last it is `last`."""
    ends = np.full((*strips.shape[:-1], 1), last)
    return np.concatenate([strips[..., 1:], ends], axis=-1)


def _frontier(reference: tuple[float, float], values: Array) -> Array:
    """Return what nothing dominates of what exceeds the reference: rows, from left to right."""
    above = values[:, (values[0] > reference[0]) & (values[1] > reference[1])].T
    if not len(above):
        return above
    return np.asarray(above[staircase(above)[::-1]])
