"""Decides what kind of point an experiment needs next."""

from statistics import fmean

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Experiment, ExperimentType
from nextpoint_service.domain.tasks import in_turn

FEWEST_FOR_A_MODEL = 2
"""Successful observations without which no model can be fitted."""

_TURNS = 20


def start_length(experiment: Experiment) -> int:
    """Return how many space-filling points an optimized experiment begins with.

    Two for every parameter, from 5 to 20, and as many as there are expected workers, who all begin
    knowing nothing; with a budget at most a third of it, and never fewer than a model needs. With
    half as many, a search more often stays at the first hill that it climbs. With tasks they are as
    many, most of them cheap.
    """
    by_dimension = min(max(2 * experiment.space.dimension, 5), 20)
    length = max(by_dimension, experiment.parallel_bandwidth or 1)
    if experiment.budget is not None:
        length = min(length, int(experiment.budget / 3 / _mean_cost(experiment)))
    return max(length, FEWEST_FOR_A_MODEL)


def _mean_cost(experiment: Experiment) -> float:
    """Return what a point of the start costs, where tasks take turns."""
    if not experiment.tasks:
        return 1.0
    return fmean(in_turn(experiment.tasks, index).cost for index in range(_TURNS))


def choose_phase(experiment: Experiment, made: int, successes: int) -> tuple[Phase, str]:
    """Return the phase, and why it is not the model's turn where it should be.

    `made` counts observations and points under way; `successes` the full observations with values
    that lie in the search space.
    """
    if experiment.type is ExperimentType.RANDOM:
        return Phase.RANDOM, ""
    if made < start_length(experiment):
        return Phase.SPACE_FILLING, ""
    if successes < FEWEST_FOR_A_MODEL:
        which = "successful full" if experiment.tasks else "successful"
        reason = (
            f"a model needs {FEWEST_FOR_A_MODEL} {which} observations in the search space, "
            f"there are {successes}"
        )
        return Phase.SPACE_FILLING, reason
    return Phase.MODEL, ""
