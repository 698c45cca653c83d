"""What a caller may change of the metrics of an experiment: their thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.metric_rules import threshold_problem
from nextpoint_service.domain.unsaid import UNSAID, Unsaid
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric as a caller wrote it into a change; None is an objective that is not known.

    What is unsaid stays as it is, apart from the threshold: None clears it.
    """

    name: str
    objective: Objective | Unsaid | None = UNSAID
    strategy: Strategy | Unsaid | None = UNSAID
    threshold: float | None = None


def change_metrics(
    metrics: tuple[Metric, ...], changes: Sequence[MetricChange], violations: Violations
) -> tuple[Metric, ...]:
    """Return the metrics with new thresholds, in their order; what is wrong is noted.

    A change names every metric once. Nothing of a metric but its threshold can be changed, because
    observations have values for just these metrics, and models were made for just this purpose.
    """
    known = {each.name: each for each in metrics}
    optimized = sum(each.strategy is Strategy.OPTIMIZE for each in metrics)
    thresholds: dict[str, float | None] = {}
    for index, new in enumerate(changes):
        path = f"metrics[{index}]"
        metric = known.get(new.name)
        if metric is None:
            violations.add(f"{path}.name", _unknown(new.name))
            continue
        if new.name in thresholds:
            violations.add(f"{path}.name", f"'{new.name}' is the name of another metric")
        thresholds[new.name] = new.threshold
        if new.objective not in (UNSAID, metric.objective):
            violations.add(f"{path}.objective", f"cannot be changed from {metric.objective.value}")
        if new.strategy not in (UNSAID, metric.strategy):
            violations.add(f"{path}.strategy", f"cannot be changed from {metric.strategy.value}")
        changed = _with_threshold(metric, new.threshold)
        if problem := threshold_problem(changed, optimized):
            violations.add(f"{path}.threshold", problem)
    for missing in [each.name for each in metrics if each.name not in thresholds]:
        violations.add("metrics", f"has no '{missing}': a metric cannot be removed")
    return tuple(_with_threshold(each, thresholds.get(each.name)) for each in metrics)


def _unknown(name: str) -> str:
    return f"there is no metric '{name}': none can be added" if name else "is required"


def _with_threshold(metric: Metric, threshold: float | None) -> Metric:
    return Metric(metric.name, metric.objective, metric.strategy, threshold)
