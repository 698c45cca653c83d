"""Makes points where cheaper evaluations stand in for full ones, from models of our own.

The cost of a task is one more input of the Gaussian processes, whose lengthscale says how much the
cheaper ones tell of the full one. A point is where the full evaluation is most promising. Its task
is the one that takes most of what is uncertain about the full value there, for its cost: Swersky,
Snoek and Adams (2013), "Multi-task Bayesian optimization", weigh information with cost as well. At
least half of what is spent goes to full evaluations, whatever the cheaper ones promise, and each of
these comes after a number of cheaper ones at most, however cheap they are.
"""

from collections.abc import Sequence

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.candidates import CENTRES
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.fidelity import at_full, moved_to_full, place_of, with_place
from nextpoint_service.optimizer.learning import Models, best_first, modest, rows_at
from nextpoint_service.optimizer.maximization import maximize
from nextpoint_service.optimizer.search import Found, guide_of, propose_by

_MOST_FOR_EACH = 20
"""Cheaper evaluations for each full one: they cost next to nothing, and time all the same."""


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points with their tasks; equal problems give equal ones. Raises NotFitted."""
    return propose_by(_search, problem, most_observations=most_observations)


def _search(problem: Problem, learned: Models, random: np.random.Generator) -> Found:
    pending = _pending(problem, learned)
    # The full ones come first.
    succeeded = [not each.failed for each in learned.observations if each.is_full]
    full = learned.rows[: len(succeeded)][np.array(succeeded, dtype=bool)]
    # Those of cheaper tasks are believed here, for they are no evaluation to improve on.
    is_full = pending[:, -1] == 0.0
    surrogates = tuple(each.believing(pending[~is_full]) for each in modest(learned))
    known = Known(surrogates, full, pending[is_full])
    acquisition = acquisition_of(known, guide_of(problem, learned.layout), random)
    layout = at_full(learned.layout)
    rows, _ = maximize(acquisition, layout, _best(learned), random)
    return Found(
        rows,
        acquisition.values,
        "GP log noisy expected improvement of a full evaluation",
        _task(problem, learned, pending, rows[0]),
    )


def _pending(problem: Problem, learned: Models) -> Array:
    """Return the rows of what is being evaluated, at the places of their tasks."""
    tasks = problem.experiment.tasks
    found = [
        with_place(rows_at(learned.layout, [point]), place_of(tasks, task))
        for point, task in zip(problem.pending, problem.pending_tasks, strict=True)
    ]
    return np.vstack([np.empty((0, learned.rows.shape[1])), *found])


def _best(learned: Models) -> Array:
    """Return the rows, as full evaluations, of the observations of which most is expected."""
    return best_first(learned, moved_to_full(learned.succeeded))[:CENTRES]


def _task(problem: Problem, learned: Models, pending: Array, row: Array) -> Task:
    """Return the task that says most about a full evaluation at the row, for its cost."""
    tasks = problem.experiment.tasks
    known = learned.optimized
    if learned.succeeded[:, -1].any() and not known.data.points[:, -1].any():
        # What the cheaper ones said was left out: it misleads.
        return tasks[0]
    known = known.believing(pending)
    usable = _usable(problem, tasks)
    here = np.repeat(row[None, :], len(usable) + 1, axis=0)
    here[1:, -1] = [place_of(tasks, each) for each in usable]
    _, covariance = known.posterior.joint(here)
    taken = covariance[0, 1:] ** 2 / (np.diagonal(covariance)[1:] + known.posterior.noise)
    return usable[int(np.argmax(taken / [each.cost for each in usable]))]


def _usable(problem: Problem, tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that leave enough to full evaluations."""
    spent = [
        *(each.task for each in problem.observations if each.task is not None),
        *problem.pending_tasks,
    ]
    cheaper = [each.cost for each in spent if not each.is_full]
    full = len(spent) - len(cheaper)
    if len(cheaper) >= _MOST_FOR_EACH * full:
        return [tasks[0]]
    return [each for each in tasks if each.is_full or sum(cheaper) + each.cost <= full]
