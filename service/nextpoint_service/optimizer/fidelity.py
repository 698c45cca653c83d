"""Tasks as one more column: 0 for the full evaluation, and the further away the cheaper.

It is the logarithm of the cost: from 0.01 to 0.1 is as far as from 0.1 to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.search_space import IntParameter
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.encoding import Axis, AxisKind
from nextpoint_service.optimizer.layout import Layout
from nextpoint_service.optimizer.linear_system import LinearSystem

_FARTHEST = 0.1
"""Where the cheapest task lies: near enough to be trusted as long as nothing speaks against it."""
_NAME = "task"
"""Of the axis; the others are p0, p1, ..."""


def place_of(tasks: Sequence[Task], task: Task | None) -> float:
    """Return where a task lies; an observation without one is a full evaluation."""
    if task is None or task.is_full:
        return 0.0
    return _FARTHEST * math.log(task.cost) / math.log(tasks[-1].cost)


def with_place(rows: Array, place: float | Array) -> Array:
    """Return the rows with the column of the task appended."""
    column = np.broadcast_to(np.asarray(place, dtype=float), (len(rows),))
    return np.column_stack([rows, column])


def moved_to_full(rows: Array) -> Array:
    """Return the rows, which have the column of the task, as those of full evaluations."""
    return with_place(rows[:, :-1], 0.0)


def at_full(layout: Layout) -> Layout:
    """Return the layout with the column of the task, which is 0 everywhere."""
    system = layout.system
    if system is not None:
        system = LinearSystem(with_place(system.matrix, 0.0), system.bound, system.equal)
    axis = Axis(_NAME, IntParameter(_NAME, 0, 0), AxisKind.WHOLE, 1)
    column = slice(layout.width, layout.width + 1)
    return replace(
        layout,
        axes=(*layout.axes, axis),
        columns=(*layout.columns, column),
        levels=(*layout.levels, np.zeros(1)),
        system=system,
    )


def of_task(problem: Problem, task: Task) -> Problem:
    """Return the problem as if there were nothing but this task, and what failed with any."""
    tried = (each for each in problem.observations if each.failed or each.task == task)
    pending = zip(problem.pending, problem.pending_tasks, strict=True)
    return replace(
        problem,
        observations=tuple(tried),
        pending=tuple(point for point, own in pending if own == task),
        pending_tasks=(),
    )
