"""Makes points from Gaussian processes of our own: one objective, in milliseconds, without Ax."""

from dataclasses import replace

import numpy as np

from nextpoint_service.application.ports import Problem
from nextpoint_service.domain.search_space import Value
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.acquisition import Acquisition, Guide
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.encoding import encode
from nextpoint_service.optimizer.learning import Learned, learn, predictions, rows_at
from nextpoint_service.optimizer.maximization import maximize, values
from nextpoint_service.optimizer.places import Places
from nextpoint_service.optimizer.priors import guidance_exponent, unit_priors
from nextpoint_service.optimizer.region import Array
from nextpoint_service.optimizer.untried import KNOWN, untried

_FINALISTS = 6
_CENTRES = 8
_PENALTY = 10.0
"""What a constraint that is missed by one standard deviation costs, in those of the objective."""


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that the model expects most of; equal problems give equal points.

    One metric is optimized with log noisy expected improvement; until an observation satisfies
    the constraints, the probability that a point does is maximized. See `acquisition`.
    """
    entropy = (problem.seed, problem.index, len(problem.observations), len(problem.pending))
    sequence = np.random.SeedSequence(entropy)
    seed = int(sequence.generate_state(1)[0])
    random = np.random.default_rng(sequence)
    learned = learn(problem.experiment, problem.observations, most_observations)
    known = _known(problem, learned)
    proposals: list[Proposal] = []
    for _ in range(problem.count):
        made = _next(problem, learned, known, seed, random)
        if made is None:
            break
        proposals.append(made)
        row = rows_at(learned.places, [made.assignments])
        known = replace(known, pending=np.vstack([known.pending, row]))
        problem = replace(problem, pending=(*problem.pending, made.assignments))
    if proposals:
        return proposals
    return space_filling.propose(replace(problem, fallback_reason=KNOWN))


def _known(problem: Problem, learned: Learned) -> Known:
    succeeded = np.array([not each.failed for each in learned.observations], dtype=bool)
    pending = rows_at(learned.places, problem.pending)
    return Known(learned.surrogates, learned.rows[succeeded], pending)


def _next(
    problem: Problem, learned: Learned, known: Known, seed: int, random: np.random.Generator
) -> Proposal | None:
    places = learned.places
    by_axis = unit_priors([each.parameter for each in places.axes])
    priors = {places.columns[axis].start: prior for axis, prior in by_axis.items()}
    guide = Guide(priors, guidance_exponent(problem)) if priors else None
    acquisition = acquisition_of(known, guide, random)
    rows, _ = maximize(acquisition, places, _centres(known), priors, random)
    made = _settled(problem, places, acquisition, rows, seed)
    if made is None:
        return None
    point, row = made
    method = "GP log noisy expected improvement"
    if acquisition.objective is None:
        method = "GP log probability of feasibility"
    return Proposal(
        point,
        Provenance(
            generator=Generator.MODEL,
            method=f"{method}, by prior" if priors else method,
            seed=seed,
            observation_count=len(problem.observations),
            pending_count=len(problem.pending),
            predictions=predictions(learned, row[None, :])[0],
            acquisition_value=float(values(acquisition, row[None, :])[0]),
        ),
    )


def _settled(
    problem: Problem, places: Places, acquisition: Acquisition, rows: Array, seed: int
) -> tuple[dict[str, Value], Array] | None:
    """Return the best point, after rounding and repair, that nobody tried."""
    finalists = [places.encoded(row) for row in rows[:_FINALISTS]]
    points = [point for _, point in untried(problem, places.axes, finalists, seed, neighbours=0)]
    if not points:
        points = [point for _, point in untried(problem, places.axes, finalists[:1], seed)]
    if not points:
        return None
    settled = places.embedded([encode(places.axes, point) for point in points])
    best = int(values(acquisition, settled).argmax())
    return points[best], settled[best]


def _centres(known: Known) -> Array:
    """Return the rows of the best observations, by what is expected of them, the best first."""
    score = known.objective.posterior.means_at(known.succeeded)[:, 0]
    for each in known.constraints:
        if each.outcome.metric is not None:
            missed = each.floor - each.posterior.means_at(known.succeeded)[:, 0]
            score = score - _PENALTY * np.maximum(missed, 0.0)
    order = np.argsort(-score, kind="stable")
    return np.asarray(known.succeeded[order[:_CENTRES]])
