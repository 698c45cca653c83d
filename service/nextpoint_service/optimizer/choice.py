"""Which engine makes the points of an experiment: the one place where that is decided."""

from enum import Enum

from nextpoint_service.domain.experiment import Experiment


class Engine(Enum):
    """What models an experiment's observations."""

    GP = "gp"
    """Gaussian processes of our own: one objective, in milliseconds."""
    COVERAGE = "coverage"
    """The same, to cover what satisfies all constraints, where nothing is optimized."""
    REGIONS = "regions"
    """The same, for several solutions of one objective."""
    AX = "ax"
    """Ax: everything else."""


def engine_for(experiment: Experiment) -> Engine:
    """Return the engine of such experiments; docs/performance.md compares them."""
    match experiment.optimized:
        case ():
            return Engine.COVERAGE
        case (_,) if experiment.num_solutions > 1:
            return Engine.REGIONS
        case (_,):
            return Engine.GP
        case _:
            return Engine.AX
