"""Makes points from Gaussian processes of our own: one objective, in milliseconds, without Ax."""

from functools import partial

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.learning import Models, best_first, rows_at
from nextpoint_service.optimizer.maximization import maximize, values
from nextpoint_service.optimizer.search import Found, guide_of, propose_by

_CENTRES = 8


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that the model expects most of; equal problems give equal points.

    One metric is optimized with log noisy expected improvement; until an observation satisfies
    the constraints, the probability that a point does is maximized. See `acquisition`. Raises
    NotFitted.
    """
    return propose_by(_search, problem, most_observations=most_observations)


def _search(problem: Problem, learned: Models, random: np.random.Generator) -> Found:
    places = learned.places
    rows = learned.succeeded
    known = Known(learned.surrogates, rows, rows_at(places, problem.pending))
    guide = guide_of(problem, places)
    acquisition = acquisition_of(known, guide, random)
    priors = {} if guide is None else guide.priors
    found, _ = maximize(acquisition, places, best_first(learned, rows)[:_CENTRES], priors, random)
    what = (
        "probability of feasibility"
        if acquisition.optimized is None
        else "noisy expected improvement"
    )
    return Found(found, partial(values, acquisition), f"GP log {what}")
