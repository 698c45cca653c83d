"""Reads from the database what the optimizer is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import assert_never

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.application.phases import (
    FEWEST_FOR_A_MODEL,
    choose_phase,
    start_length,
)
from nextpoint_service.application.ports import Transaction
from nextpoint_service.domain.experiment import Experiment, ExperimentState, ExperimentType
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import translated
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.domain.tasks import Task, in_turn

_LARGEST_BATCH = 1000
_RANDOM_BATCH = 50
"""Random points do not get stale, so that many are made in one go."""


@dataclass(frozen=True, slots=True)
class Demand:
    """How many points are wanted, and which were made already.

    `ready` are those that nobody took yet, `handed_over` those that are about to be stored, if they
    are not yet. `ahead` is how many points are to be ready where none is wanted for now, of which
    `fresh` are; `batch` is how many one round of a model makes at most.
    """

    wanted: int
    ahead: int
    batch: int
    fresh: int
    ready: list[Proposal]
    handed_over: list[Proposal]


def read_observations(tx: Transaction, experiment: Experiment) -> tuple[Observation, ...]:
    """Return all observations, the earliest first, with what their points are in the space now."""
    return tuple(seen_now(experiment, tx.observations.all(experiment.experiment_id)))


def seen_now(experiment: Experiment, observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations with what their points are in the space now."""
    return [
        # The same object where nothing changed: there may be 100,000.
        each if point is each.assignments else replace(each, assignments=point)
        for each in observations
        for point in [translated(experiment.space, each.assignments)]
    ]


def read_problem(tx: Transaction, experiment_id: str, demand: Demand) -> Problem | None:
    """Return what to ask the optimizer; None when no new point can be handed out any more.

    Its count is not above 0 when everything that can be handed out is handed over already.
    """
    experiment = tx.experiments.get(experiment_id)
    progress = tx.experiments.progress(experiment)
    remaining = progress.remaining_at_most
    if experiment.state is ExperimentState.ARCHIVED or remaining == 0:
        return None
    handed_over = [
        each
        for each in demand.handed_over
        if not tx.suggestions.is_taken(experiment_id, each.assignments, each.task)
    ]
    under_way = [*demand.ready, *handed_over]
    made = progress.evaluated + progress.open_suggestions + len(under_way)
    random = experiment.type is ExperimentType.RANDOM
    observations = () if random else read_observations(tx, experiment)
    phase, reason = choose_phase(experiment, made, successes_for_a_model(experiment, observations))
    count = _count(demand, phase)
    if phase is Phase.SPACE_FILLING and not reason:
        count = min(count, start_length(experiment) - made)
    if remaining is not None:
        count = min(count, remaining - len(handed_over) - demand.fresh)
    pending = [
        *tx.suggestions.open_points(experiment_id),
        *((each.assignments, each.task) for each in under_way),
    ]
    return Problem(
        experiment=experiment,
        observations=observations,
        pending=tuple(translated(experiment.space, point) for point, _ in pending),
        phase=phase,
        count=min(count, _LARGEST_BATCH),
        index=tx.suggestions.count(experiment_id) + len(under_way),
        seed=seed_of(experiment),
        fallback_reason=reason,
        pending_tasks=_tasks_of(experiment, [task for _, task in pending]),
    )


def seed_of(experiment: Experiment) -> int:
    """Return the seed of the experiment, the same for ever."""
    digest = blake2b(experiment.experiment_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def successes_for_a_model(experiment: Experiment, observations: Iterable[Observation]) -> int:
    """Count the full observations with values in the space, up to as many as a model needs.

    A model learns from what lies outside as well, but there is none of nothing else.
    """
    found = (
        each
        for each in observations
        if each.is_full and not each.failed and experiment.space.contains(each.assignments)
    )
    return sum(1 for _ in islice(found, FEWEST_FOR_A_MODEL))


def _count(demand: Demand, phase: Phase) -> int:
    """Return how many points to make, were there no end of the start and of the budget."""
    match phase:
        case Phase.SPACE_FILLING:
            return max(1, demand.wanted)
        case Phase.RANDOM:
            return max(demand.wanted, _RANDOM_BATCH)
        case Phase.MODEL:
            return min(demand.wanted or demand.ahead - demand.fresh, demand.batch)
        case _:
            assert_never(phase)


def _tasks_of(experiment: Experiment, pending: Sequence[Task | None]) -> tuple[Task, ...]:
    """Return the tasks of points under way; those that have none yet count as full."""
    tasks = experiment.tasks
    return tuple(each or tasks[0] for each in pending) if tasks else ()


def with_tasks(problem: Problem, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals; where no model chose a task, tasks take turns."""
    tasks = problem.experiment.tasks
    return [
        each.with_task(in_turn(tasks, problem.index + offset), "task in turn")
        if tasks and each.task is None
        else each
        for offset, each in enumerate(proposals)
    ]
