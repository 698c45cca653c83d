"""Makes proposals from models of our own by a search that says where to look next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.encoding import encode
from nextpoint_service.optimizer.fidelity import of_task, with_place
from nextpoint_service.optimizer.layout import Layout
from nextpoint_service.optimizer.learning import Models, learn, predictions
from nextpoint_service.optimizer.priors import Guide, guidance_exponent, unit_priors
from nextpoint_service.optimizer.seeds import seed_for
from nextpoint_service.optimizer.untried import KNOWN, untried

_FINALISTS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, the most promising first; how promising any rows are; and the method that says so.

    `task` is how to evaluate, where there are tasks.
    """

    rows: Array
    values: Callable[[Array], Array]
    method: str
    task: Task | None = None


Search = Callable[[Problem, Models, np.random.Generator], Found]
"""Says where to look next."""


def propose_by(search: Search, problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that the search finds most promising; equal problems give equal points.

    Each knows those before it as points under way. Raises NotFitted.
    """
    seed = seed_for(problem)
    random = np.random.default_rng(seed)
    learned = learn(problem.experiment, problem.observations, most_observations)
    guided = bool(guide_of(problem, learned.layout).priors)
    proposals: list[Proposal] = []
    while len(proposals) < problem.count:
        found = search(problem, learned, random)
        made = _settled(problem, learned.layout, found, seed)
        if made is None:
            break
        point, row = made
        provenance = Provenance(
            generator=Generator.MODEL,
            method=f"{found.method}, by prior" if guided else found.method,
            seed=seed,
            observation_count=len(problem.observations),
            pending_count=len(problem.pending),
            predictions=predictions(learned, row[None, :])[0],
            acquisition_value=float(found.values(row[None, :])[0]),
        )
        proposals.append(Proposal(point, provenance, found.task))
        problem = replace(
            problem,
            pending=(*problem.pending, point),
            pending_tasks=(*problem.pending_tasks, *([] if found.task is None else [found.task])),
            index=problem.index + 1,
        )
    return proposals or space_filling.propose(replace(problem, fallback_reason=KNOWN))


def guide_of(problem: Problem, layout: Layout) -> Guide:
    """Return what the priors of the parameters add to the logarithm of an acquisition."""
    by_axis = unit_priors([each.parameter for each in layout.axes])
    priors = {layout.columns[axis].start: prior for axis, prior in by_axis.items()}
    return Guide(priors, guidance_exponent(problem))


def _settled(
    problem: Problem, layout: Layout, found: Found, seed: int
) -> tuple[dict[str, Value], Array] | None:
    """Return the best point, after rounding and repair, that nobody tried, and its row."""
    if found.task is not None:
        problem = of_task(problem, found.task)
    finalists = [layout.encoded(row) for row in found.rows[:_FINALISTS]]
    points = [point for _, point in untried(problem, layout.axes, finalists, seed, neighbours=0)]
    if not points:
        near = untried(problem, layout.axes, finalists, seed)
        points = [point for _, point in islice(near, 1)]
    if not points:
        return None
    rows = layout.embedded([encode(layout.axes, point) for point in points])
    if found.task is not None:
        rows = with_place(rows, 0.0)
    best = int(found.values(rows).argmax())
    return points[best], rows[best]
