"""What makes the model points of an experiment: the one place where that is decided."""

from enum import Enum
from typing import assert_never

from nextpoint_service.domain.experiment import Engine, Experiment


class Maker(Enum):
    """What models an experiment's observations: the module that has the `propose`."""

    FEW_OBJECTIVES = "few_objectives"
    """Gaussian processes of our own: one objective or two, in milliseconds."""
    COVERAGE = "coverage"
    """The same, to cover what satisfies all constraints, where nothing is optimized."""
    REGIONS = "regions"
    """The same, for several solutions of one objective."""
    TASKS = "tasks"
    """The same, where cheaper evaluations stand in for full ones."""
    AX = "model"
    """Ax: everything else, and all that a user wants it for."""


def maker_for(experiment: Experiment) -> Maker:
    """Return what makes the points of such experiments; docs/performance.md compares them."""
    match experiment.engine:
        case Engine.AX:
            return Maker.AX
        case Engine.AUTO:
            return _best_for(experiment)
        case _:
            assert_never(experiment.engine)


def _best_for(experiment: Experiment) -> Maker:
    if experiment.tasks:
        return Maker.TASKS
    match experiment.optimized:
        case ():
            return Maker.COVERAGE
        case (_,) if experiment.num_solutions > 1:
            return Maker.REGIONS
        case (_,) | (_, _):
            return Maker.FEW_OBJECTIVES
        case _:
            return Maker.AX
