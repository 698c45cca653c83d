"""Makes points from Gaussian processes of our own: one objective, in milliseconds, without Ax."""

from contextlib import suppress
from dataclasses import replace

import numpy as np

from nextpoint_service.application.ports import Problem
from nextpoint_service.domain.search_space import Value
from nextpoint_service.domain.suggestion import Generator, Prediction, Proposal, Provenance
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.acquisition import Acquisition, Guide
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.encoding import NotEncodable, encode
from nextpoint_service.optimizer.maximization import maximize, values
from nextpoint_service.optimizer.outcomes import chosen, data_of, outcomes_of
from nextpoint_service.optimizer.places import Places, places_of
from nextpoint_service.optimizer.priors import guidance_exponent, unit_priors
from nextpoint_service.optimizer.region import Array
from nextpoint_service.optimizer.surrogate import surrogate_of
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
    places = places_of(problem.experiment.space)
    known = _learned(problem, places, most_observations)
    proposals: list[Proposal] = []
    for _ in range(problem.count):
        made = _next(problem, places, known, seed, random)
        if made is None:
            break
        proposals.append(made)
        row = places.embedded([encode(places.axes, made.assignments)])
        known = replace(known, pending=np.vstack([known.pending, row]))
        problem = replace(problem, pending=(*problem.pending, made.assignments))
    if proposals:
        return proposals
    return space_filling.propose(replace(problem, fallback_reason=KNOWN))


def _learned(problem: Problem, places: Places, most: int) -> Known:
    outcomes = outcomes_of(problem.experiment, problem.observations)
    found = []
    for each in chosen(outcomes, problem.observations, most):
        with suppress(NotEncodable):
            found.append((each, encode(places.axes, each.assignments)))
    observations = [each for each, _ in found]
    rows = places.embedded([each for _, each in found])
    data = data_of(outcomes, observations)
    surrogates = []
    for outcome in outcomes:
        own = [each for each in data if each.outcome == outcome.name]
        surrogates.append(
            surrogate_of(
                outcome,
                rows[[each.observation for each in own]],
                np.array([each.value for each in own]),
                np.array([each.stddev for each in own]),
                places.group,
            )
        )
    succeeded = np.array([not each.failed for each in observations], dtype=bool)
    return Known(tuple(surrogates), rows[succeeded], _pending_rows(problem, places))


def _pending_rows(problem: Problem, places: Places) -> Array:
    found = []
    for assignments in problem.pending:
        with suppress(NotEncodable):
            found.append(encode(places.axes, assignments))
    return places.embedded(found)


def _next(
    problem: Problem, places: Places, known: Known, seed: int, random: np.random.Generator
) -> Proposal | None:
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
            predictions=_predictions(known, row),
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


def _predictions(known: Known, row: Array) -> dict[str, Prediction]:
    found = {}
    for each in known.surrogates:
        if each.outcome.metric is not None:
            moments = each.posterior.moments(row[None, :])
            mean, stddev = each.in_own_unit(float(moments.means[0, 0]), float(moments.stddev[0]))
            found[each.outcome.metric.name] = Prediction(each.outcome.sign * mean, stddev)
    return found
