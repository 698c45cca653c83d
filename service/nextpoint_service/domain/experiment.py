"""An experiment, its metrics and its budget."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from nextpoint_service.domain.errors import ExperimentArchived
from nextpoint_service.domain.search_space import SearchSpace

Metadata = Mapping[str, str | float]


class ExperimentType(Enum):
    """How the suggestions of an experiment are made."""

    OPTIMIZED = "optimized"
    RANDOM = "random"
    GRID = "grid"


class Engine(Enum):
    """What makes the model points of an experiment."""

    AUTO = "auto"
    AX = "ax"


class ExperimentState(Enum):
    """Whether an experiment is in use."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Objective(Enum):
    """Which direction of a metric is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Strategy(Enum):
    """What the search does with a metric."""

    OPTIMIZE = "optimize"
    CONSTRAINT = "constraint"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is measured; `threshold` is inclusive, in the direction of the objective."""

    name: str
    objective: Objective = Objective.MAXIMIZE
    strategy: Strategy = Strategy.OPTIMIZE
    threshold: float | None = None

    @property
    def sign(self) -> float:
        """1 when more is better, -1 when less is."""
        return 1.0 if self.objective is Objective.MAXIMIZE else -1.0

    def reaches_threshold(self, value: float) -> bool:
        """Whether the value is good enough; always when there is no threshold."""
        return self.threshold is None or self.sign * value >= self.sign * self.threshold


@dataclass(frozen=True, slots=True)
class Experiment:
    """A search space, metrics and a budget.

    `num_solutions` is in how many regions of the space the best is looked for. `revision` grows
    with every change of an observation or of what is looked for, of which a suggestion made before
    does not know.
    """

    experiment_id: str
    name: str
    project: str
    type: ExperimentType
    space: SearchSpace
    metrics: tuple[Metric, ...]
    budget: int | None
    parallel_bandwidth: int | None
    metadata: Metadata
    tags: tuple[str, ...]
    state: ExperimentState
    revision: int
    created: datetime
    updated: datetime
    num_solutions: int = 1
    engine: Engine = Engine.AUTO

    @property
    def optimized(self) -> tuple[Metric, ...]:
        """The metrics to optimize; with none, points that satisfy the constraints are collected."""
        return tuple(each for each in self.metrics if each.strategy is Strategy.OPTIMIZE)

    @property
    def constrained(self) -> tuple[Metric, ...]:
        """The metrics that have to reach their thresholds."""
        return tuple(each for each in self.metrics if each.strategy is Strategy.CONSTRAINT)

    def archive(self, at: datetime) -> "Experiment":
        """Return the experiment archived; itself when it is already."""
        return self._moved(ExperimentState.ARCHIVED, at)

    def unarchive(self, at: datetime) -> "Experiment":
        """Return the experiment active; itself when it is already."""
        return self._moved(ExperimentState.ACTIVE, at)

    def _moved(self, state: ExperimentState, at: datetime) -> "Experiment":
        return self if self.state is state else replace(self, state=state, updated=at)

    def require_active(self) -> None:
        """Raise ExperimentArchived unless the experiment is active."""
        if self.state is ExperimentState.ARCHIVED:
            raise ExperimentArchived(self.experiment_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an experiment has come, counted in one transaction.

    `open_suggestions` are those leased and those waiting for the next worker. `cells_left` is how
    many cells of a grid nobody was handed and nobody observed; None for other types. `repeated` are
    the observations of a suggestion that had one already: kept, and not counted against the budget.
    """

    observations: int
    failed: int
    leased_suggestions: int
    open_suggestions: int
    queued_suggestions: int
    active_runs: int
    budget: int | None
    repeated: int = 0
    cells_left: int | None = None

    @property
    def evaluated(self) -> int:
        """What counts against the budget of the observations: every suggestion once."""
        return self.observations - self.repeated

    @property
    def remaining(self) -> int | None:
        """The budget less observations and open suggestions, at least 0; None without one."""
        if self.budget is None:
            return None
        return max(0, self.budget - self.evaluated - self.open_suggestions)

    @property
    def finished(self) -> bool:
        """Whether nothing will ever be handed out again, unless the budget is raised."""
        if self.cells_left is not None:
            return self.cells_left + self.open_suggestions + self.queued_suggestions == 0
        return self.budget is not None and self.evaluated >= self.budget
