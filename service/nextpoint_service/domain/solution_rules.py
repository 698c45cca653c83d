"""What a caller may ask for as several solutions."""

from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations


def check_solutions(experiment: Experiment, violations: Violations, limits: Limits) -> None:
    """Note what is wrong with the number of solutions."""
    count = experiment.num_solutions
    violations.check_range("num_solutions", count, 1, limits.num_solutions)
    if count <= 1:
        return
    if (optimized := len(experiment.optimized)) != 1:
        violations.add(
            "num_solutions",
            f"must be 1 unless exactly one metric is optimized, got {count} with {optimized}",
        )
    if experiment.space.conditionals:
        violations.add(
            "num_solutions",
            f"must be 1 with conditionals, got {count}: regions are of parameters that are always"
            " there",
        )
    if experiment.budget is not None and count > experiment.budget:
        violations.add(
            "num_solutions", f"must be at most the budget, {experiment.budget}, got {count}"
        )


def check_room(experiment: Experiment, violations: Violations) -> None:
    """Note when a new budget is too small for the solutions."""
    count = experiment.num_solutions
    if experiment.budget is not None and experiment.budget < count > 1:
        violations.add("budget", f"must be at least num_solutions, {count}")
