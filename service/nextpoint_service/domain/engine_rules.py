"""What a caller may ask to make the model points."""

from nextpoint_service.domain.experiment import Engine, Experiment, ExperimentType
from nextpoint_service.domain.violations import Violations


def check_engine(experiment: Experiment, engine: Engine | None, violations: Violations) -> None:
    """Note what is wrong with the engine, None where it is not known."""
    if engine is None:
        violations.add("engine", "must be auto or ax")
    if engine is not Engine.AX:
        return
    if experiment.type is not ExperimentType.OPTIMIZED:
        violations.add("engine", f"must be auto with type {experiment.type.value}, got ax")
    if not experiment.optimized:
        violations.add("engine", "must be auto where no metric is optimized, got ax")
    if experiment.num_solutions > 1:
        violations.add("engine", "must be auto with several solutions, got ax")
