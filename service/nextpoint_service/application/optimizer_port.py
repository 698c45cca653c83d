"""What the use cases need of an optimizer: points, and what they taught."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import Experiment
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Prediction, Proposal
from nextpoint_service.domain.tasks import Task

LOADING = "the models were still loading"
"""Why a point has no model."""


class Phase(Enum):
    """What kind of point is to be made."""

    RANDOM = "random"
    SPACE_FILLING = "space_filling"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that points are made from. Plain values: it can be sent to another process.

    `pending` are the points that are being evaluated or are about to be, and `pending_tasks` their
    tasks, none where the experiment has none. `index` is how many points were made for the
    experiment so far, so that a sequence goes on where it ended. `seed` belongs to the experiment:
    with the same problem it gives the same points.
    """

    experiment: Experiment
    observations: tuple[Observation, ...]
    pending: tuple[Assignments, ...]
    phase: Phase
    count: int
    index: int
    seed: int
    fallback_reason: str = ""
    pending_tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Studied:
    """What an analysis looks at. Plain values: it can be sent to another process.

    `seed` makes the analysis of the same observations the same.
    """

    experiment: Experiment
    observations: tuple[Observation, ...]
    seed: int


Importances = Mapping[str, Mapping[str, float]]
"""By metric, which share of what moves it each parameter has."""

Expectations = Sequence[Mapping[str, Prediction]]
"""For each observation, what a model expects of the metrics there; empty where it has no place."""


class Optimizer(Protocol):
    """Makes points, and says what they taught."""

    async def propose(self, problem: Problem) -> Sequence[Proposal]:
        """Return at least 1 and at most `problem.count` points inside the space.

        Never fails for want of a model: a space-filling point with the reason in its provenance
        stands in. Points already observed or pending are avoided as long as there are others.
        """

    def models_for(self, experiment: Experiment) -> str:
        """Name what makes the model points of such experiments; others work beside it."""

    def is_loading(self, models: str) -> bool:
        """Whether all that `models_for` named so are still loading: none was ready, or failed."""

    async def importances(self, studied: Studied) -> Importances:
        """Return, for every metric, a number for every parameter, which add up to 1.

        They are all 0 for a metric that never changes. Raises ModelUnavailable.
        """

    async def expectations(self, studied: Studied) -> Expectations:
        """Return what is expected, by optimized or constrained metric, at each observation.

        They are in the order of the observations; those that the model does not learn from have
        none. Raises ModelUnavailable.
        """

    async def why_infeasible(self, space: SearchSpace) -> str | None:
        """Say why the linear constraints leave no point, or return None when they leave one."""

    async def hypervolume(self, gains: Sequence[tuple[float, ...]], seconds: float) -> float | None:
        """Return the volume of the union of the boxes from 0 to each of the gains, exactly.

        Gains are at least 0. Returns None when it takes longer than so many seconds.
        """
