"""What a caller may define as metrics."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class MetricDraft:
    """A metric as a caller wrote it; an objective or strategy that is not known is None."""

    name: str
    objective: Objective | None = Objective.MAXIMIZE
    strategy: Strategy | None = Strategy.OPTIMIZE
    threshold: float | None = None


def parse_metrics(
    drafts: Sequence[MetricDraft], violations: Violations, limits: Limits
) -> tuple[Metric, ...]:
    """Return the metrics as they were written; what is wrong is noted.

    One whose strategy is not known counts as optimized, which it may be meant to be.
    """
    metrics = tuple(
        Metric(
            draft.name,
            draft.objective or Objective.MAXIMIZE,
            draft.strategy or Strategy.OPTIMIZE,
            draft.threshold,
        )
        for draft in drafts
    )
    if not 1 <= len(drafts) <= limits.metrics:
        violations.add("metrics", f"must be 1 to {limits.metrics}, got {len(drafts)}")
        return metrics
    optimized = sum(each.strategy is Strategy.OPTIMIZE for each in metrics)
    if all(each.strategy is Strategy.STORE for each in metrics):
        violations.add(
            "metrics", "must have at least one metric of strategy optimize or constraint"
        )
    seen: set[str] = set()
    for index, draft in enumerate(drafts):
        path = f"metrics[{index}]"
        violations.check_name(f"{path}.name", draft.name, limits.name_characters)
        if draft.name and draft.name in seen:
            violations.add(f"{path}.name", f"'{draft.name}' is the name of another metric")
        seen.add(draft.name)
        if draft.objective is None:
            violations.add(f"{path}.objective", "must be maximize or minimize")
        if draft.strategy is None:
            violations.add(f"{path}.strategy", "must be optimize, constraint or store")
        elif problem := threshold_problem(metrics[index], optimized):
            violations.add(f"{path}.threshold", problem)
    return metrics


def threshold_problem(metric: Metric, optimized: int) -> str | None:
    """Say why a metric, one of so many optimized ones or another, cannot have its threshold."""
    if metric.threshold is None:
        required = metric.strategy is Strategy.CONSTRAINT
        return "is required for strategy constraint" if required else None
    if not math.isfinite(metric.threshold):
        return f"must be a finite number, got {metric.threshold}"
    if metric.strategy is Strategy.STORE:
        return "is not for strategy store"
    if metric.strategy is Strategy.OPTIMIZE and optimized == 1:
        return "is not for the only optimized metric, whose best value is looked for anyway"
    return None
