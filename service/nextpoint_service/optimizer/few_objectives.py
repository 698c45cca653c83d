"""Makes points from Gaussian processes of our own: one objective or two, without Ax."""

from dataclasses import dataclass

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.acquisition import Acquisition
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.candidates import CENTRES
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.learning import Models, best_first, modest, rows_at
from nextpoint_service.optimizer.maximization import maximize, maximize_again
from nextpoint_service.optimizer.search import Found, guide_of, propose_by


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that the model expects most of; equal problems give equal points.

    One metric is optimized with log noisy expected improvement, two with that of the hypervolume;
    until an observation satisfies the constraints, the probability that a point does is maximized.
    See `acquisition`. Raises NotFitted.
    """
    return propose_by(_Search(), problem, most_observations=most_observations)


@dataclass(frozen=True, slots=True)
class _Looked:
    """An acquisition, and the places that were looked at with their values."""

    acquisition: Acquisition
    at: tuple[Array, Array]


class _Search:
    """Looks for one point after another, each of which believes those before it.

    For the first it looks everywhere; for the others where that was most promising.
    """

    def __init__(self) -> None:
        self._last: _Looked | None = None

    def __call__(self, problem: Problem, learned: Models, random: np.random.Generator) -> Found:
        """Return where to look next; all of the problem but what is pending is always the same."""
        layout = learned.layout
        last = self._last
        if last is None or last.acquisition.improvement is None:
            rows = learned.succeeded
            known = Known(modest(learned), rows, rows_at(layout, problem.pending))
            acquisition = acquisition_of(known, guide_of(problem, layout), random)
            centres = best_first(learned, rows)[:CENTRES]
            looked_at = maximize(acquisition, layout, centres, random)
        else:
            acquisition = last.acquisition.believing(rows_at(layout, problem.pending[-1:]))
            looked_at = maximize_again(acquisition, layout, last.at, random)
        self._last = _Looked(acquisition, looked_at)
        return Found(looked_at[0], acquisition.values, f"GP log {acquisition.method}")
