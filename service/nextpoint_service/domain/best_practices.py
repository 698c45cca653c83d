"""Advice on experiments that work, though not as well as they could."""

from dataclasses import dataclass

from nextpoint_service.domain.errors import FieldViolation
from nextpoint_service.domain.experiment import Experiment, Progress
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class Advice:
    """How large an experiment is best kept."""

    constrained_parameters: int = 100
    """Parameters of an experiment with linear constraints."""
    constrained_budget: int = 2500
    """Budget of an experiment with linear constraints."""
    linear_constraints: int = 10
    """Linear constraints."""
    conditional_parameters: int = 20
    """Parameters, and conditionals, of an experiment with conditionals."""
    conditional_budget: int = 600
    """Budget of an experiment with conditionals."""
    conditional_values: int = 6
    """Values of all conditionals together."""


def against_advice(
    experiment: Experiment, progress: Progress, advice: Advice
) -> tuple[FieldViolation, ...]:
    """Return what the experiment goes against, by the field that it is about."""
    found = Violations()
    if experiment.space.constraints:
        _check_constrained(experiment, progress, advice, found)
    if experiment.space.conditionals:
        _check_conditional(experiment, advice, found)
    if progress.budget is not None and progress.consumed > progress.budget:
        used = f"{progress.evaluated} observations count against it"
        if progress.spending is not None:
            used = f"observations cost {float(progress.consumed):g}"
        found.add("budget", f"the budget is {progress.budget} and {used}; raise it to go on")
    workers = experiment.parallel_bandwidth or 1
    if progress.open_suggestions > workers:
        found.add(
            "parallel_bandwidth",
            f"{progress.open_suggestions} suggestions are open at the same time and {workers} is"
            " expected; say how many there are, so that the start is long enough",
        )
    return found.found


def _check_constrained(
    experiment: Experiment, progress: Progress, advice: Advice, found: Violations
) -> None:
    dimension = experiment.space.dimension
    constraints = len(experiment.space.constraints)
    workers = experiment.parallel_bandwidth or 1
    if dimension > advice.constrained_parameters:
        found.add(
            "parameters",
            f"with linear constraints at most {advice.constrained_parameters} are advised,"
            f" there are {dimension}",
        )
    if experiment.budget is not None and experiment.budget > advice.constrained_budget:
        found.add(
            "budget",
            f"with linear constraints at most {advice.constrained_budget} is advised,"
            f" it is {experiment.budget}",
        )
    if constraints > advice.linear_constraints:
        found.add(
            "linear_constraints",
            f"at most {advice.linear_constraints} are advised, there are {constraints}",
        )
    if workers > dimension:
        found.add(
            "parallel_bandwidth",
            "with linear constraints at most one worker for each parameter is advised:"
            f" {workers} are expected for {dimension}",
        )
    if progress.open_suggestions > dimension:
        found.add(
            "progress.open_suggestion_count",
            "with linear constraints at most one open suggestion for each parameter is advised:"
            f" {progress.open_suggestions} are open for {dimension}",
        )


def _check_conditional(experiment: Experiment, advice: Advice, found: Violations) -> None:
    dimension = experiment.space.dimension
    values = sum(len(each.values) for each in experiment.space.conditionals)
    if dimension > advice.conditional_parameters:
        found.add(
            "parameters",
            f"with conditionals at most {advice.conditional_parameters} are advised, conditionals"
            f" included, there are {dimension}",
        )
    if experiment.budget is not None and experiment.budget > advice.conditional_budget:
        found.add(
            "budget",
            f"with conditionals at most {advice.conditional_budget} is advised,"
            f" it is {experiment.budget}",
        )
    if values > advice.conditional_values:
        found.add(
            "conditionals",
            f"at most {advice.conditional_values} values of all of them together are advised,"
            f" there are {values}",
        )
