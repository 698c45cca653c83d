"""Makes proposals from models of our own by a search that says where to look next."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nextpoint_service.application.ports import Problem
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.acquisition import Guide
from nextpoint_service.optimizer.learning import Learned, learn, predictions, rows_at
from nextpoint_service.optimizer.places import Places
from nextpoint_service.optimizer.priors import guidance_exponent, unit_priors
from nextpoint_service.optimizer.region import Array
from nextpoint_service.optimizer.untried import KNOWN, untried

Search = Callable[[Problem, Learned, np.random.Generator], tuple[Array, Array]]
"""Returns rows, the most promising first, and how promising they are."""

_FINALISTS = 6


def propose_by(
    search: Search, problem: Problem, *, most_observations: int, method: str
) -> list[Proposal]:
    """Return points that the search finds most promising; equal problems give equal points.

    Each knows those before it as points under way. Raises NotFitted.
    """
    entropy = (problem.seed, problem.index, len(problem.observations), len(problem.pending))
    sequence = np.random.SeedSequence(entropy)
    seed = int(sequence.generate_state(1)[0])
    random = np.random.default_rng(sequence)
    learned = learn(problem.experiment, problem.observations, most_observations)
    guided = guide_of(problem, learned.places) is not None
    proposals: list[Proposal] = []
    while len(proposals) < problem.count:
        rows, values = search(problem, learned, random)
        axes = learned.places.axes
        finalists = [learned.places.encoded(row) for row in rows[:_FINALISTS]]
        made = next(untried(problem, axes, finalists, seed), None)
        if made is None:
            break
        index, point = made
        provenance = Provenance(
            generator=Generator.MODEL,
            method=f"{method}, by prior" if guided else method,
            seed=seed,
            observation_count=len(problem.observations),
            pending_count=len(problem.pending),
            predictions=predictions(learned, rows_at(learned.places, [point]))[0],
            acquisition_value=float(values[index]),
        )
        proposals.append(Proposal(point, provenance))
        problem = replace(problem, pending=(*problem.pending, point), index=problem.index + 1)
    return proposals or space_filling.propose(replace(problem, fallback_reason=KNOWN))


def guide_of(problem: Problem, places: Places) -> Guide | None:
    """Return what the priors add to the logarithm of an acquisition; None without priors."""
    by_axis = unit_priors([each.parameter for each in places.axes])
    if not by_axis:
        return None
    priors = {places.columns[axis].start: prior for axis, prior in by_axis.items()}
    return Guide(priors, guidance_exponent(problem))
