"""Which engine makes the points of an experiment: the one place where that is decided."""

from enum import Enum

from nextpoint_service.domain.experiment import Experiment


class Engine(Enum):
    """What models an experiment's observations."""

    GP = "gp"
    """Gaussian processes of our own: one objective, in milliseconds."""
    AX = "ax"
    """Ax: everything else."""


def engine_for(experiment: Experiment) -> Engine:
    """Return the engine that is best at such experiments; `docs/performance.md` has the proof."""
    return Engine.GP if len(experiment.optimized) == 1 else Engine.AX
