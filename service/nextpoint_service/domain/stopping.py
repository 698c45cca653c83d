"""When it is time to stop."""

import math
from collections.abc import Sequence
from enum import Enum

from nextpoint_service.domain.experiment import Experiment, Metric, Progress
from nextpoint_service.domain.observation import Observation, best, is_eligible

_FOR_EACH_PARAMETER = 5
"""How many observations without progress are patience enough, for each parameter."""
_RIVALS = 5
"""How many earlier observations have to be as good, so that one lucky value is no reason."""


class StoppingReason(Enum):
    """Why it is time to stop."""

    BUDGET_REACHED = "budget_reached"
    POSSIBLE_STAGNATION = "possible_stagnation"


def stopping_reasons(
    experiment: Experiment, progress: Progress, observations: Sequence[Observation]
) -> tuple[StoppingReason, ...]:
    """Return why to stop; `observations` are all of the experiment, the earliest first."""
    reasons = []
    if progress.finished:
        reasons.append(StoppingReason.BUDGET_REACHED)
    full = [each for each in observations if each.is_full]
    if _stagnates(experiment, full, finished=progress.finished):
        reasons.append(StoppingReason.POSSIBLE_STAGNATION)
    return tuple(reasons)


def _stagnates(
    experiment: Experiment, observations: Sequence[Observation], *, finished: bool
) -> bool:
    window = _FOR_EACH_PARAMETER * experiment.space.dimension
    if len(observations) < window + _RIVALS:
        return False
    earlier, newest = observations[:-window], observations[-window:]
    match experiment.optimized:
        case ():
            return False
        case (metric,) if experiment.num_solutions == 1:
            return _brought_nothing(experiment, metric, earlier, newest)
        case _:
            return finished and _are_not_among_the_best(experiment, observations, newest)


def _brought_nothing(
    experiment: Experiment,
    metric: Metric,
    earlier: Sequence[Observation],
    newest: Sequence[Observation],
) -> bool:
    rival = sorted((_worth(experiment, metric, each) for each in earlier), reverse=True)[
        _RIVALS - 1
    ]
    found = max(_worth(experiment, metric, each) for each in newest)
    return rival > -math.inf and rival >= found


def _worth(experiment: Experiment, metric: Metric, observation: Observation) -> float:
    if not is_eligible(experiment, observation):
        return -math.inf
    return metric.sign * observation.values[metric.name].value


def _are_not_among_the_best(
    experiment: Experiment, observations: Sequence[Observation], newest: Sequence[Observation]
) -> bool:
    found = {each.observation_id for each in best(experiment, list(observations))}
    return bool(found) and found.isdisjoint(each.observation_id for each in newest)
