"""What a caller may define as tasks, and with what they go together."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextpoint_service.domain.experiment import Engine, Experiment, ExperimentType
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.tasks import FULL_COST, Task
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A task as a caller wrote it; a cost that is absent is None."""

    name: str
    cost: float | None


def parse_tasks(
    drafts: Sequence[TaskDraft], violations: Violations, limits: Limits
) -> tuple[Task, ...]:
    """Return the tasks, the full one first; what is wrong is noted."""
    if not drafts:
        return ()
    if not 2 <= len(drafts) <= limits.tasks:
        violations.add("tasks", f"must be none or 2 to {limits.tasks}, got {len(drafts)}")
        return ()
    names: set[str] = set()
    costs: set[float] = set()
    for index, draft in enumerate(drafts):
        path = f"tasks[{index}]"
        violations.check_name(f"{path}.name", draft.name, limits.name_characters)
        if draft.name and draft.name in names:
            violations.add(f"{path}.name", f"'{draft.name}' is the name of another task")
        names.add(draft.name)
        if draft.cost is None:
            violations.add(f"{path}.cost", "is required")
            continue
        violations.check_range(f"{path}.cost", draft.cost, limits.task_cost, FULL_COST)
        if draft.cost in costs:
            violations.add(f"{path}.cost", f"{draft.cost} is the cost of another task")
        costs.add(draft.cost)
    if FULL_COST not in costs:
        violations.add("tasks", "must have one of cost 1, which is the full evaluation")
    tasks = [Task(each.name, each.cost) for each in drafts if each.cost is not None]
    return tuple(sorted(tasks, key=lambda each: -each.cost))


def check_tasks(experiment: Experiment, violations: Violations) -> None:
    """Note what does not go together with tasks."""
    if not experiment.tasks:
        return
    if experiment.type is not ExperimentType.OPTIMIZED:
        violations.add(
            "tasks", f"need type optimized: type {experiment.type.value} learns nothing from them"
        )
    if (optimized := len(experiment.optimized)) != 1:
        violations.add("tasks", f"need exactly one optimized metric, got {optimized}")
    if experiment.constrained:
        violations.add("tasks", "do not go together with a metric of strategy constraint")
    if experiment.num_solutions > 1:
        violations.add("tasks", "do not go together with several solutions")
    if experiment.engine is not Engine.AUTO:
        violations.add("tasks", f"do not go together with engine {experiment.engine.value}")


def check_task(experiment: Experiment, name: str, violations: Violations) -> None:
    """Note when a task is missing, unknown, or named where there is none."""
    names = [each.name for each in experiment.tasks]
    if not names and name:
        violations.add("task", "must be absent: the experiment has no tasks")
    elif names and not name:
        violations.add("task", f"is required: one of {', '.join(names)}")
    elif names and name not in names:
        violations.add("task", f"'{name}' is not one of {', '.join(names)}")
