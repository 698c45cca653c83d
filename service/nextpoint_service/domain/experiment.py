"""An experiment, its metrics and its budget."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from nextpoint_service.domain.errors import ExperimentArchived
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.tasks import Amount, Spending, Task

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
    does not know. `tasks` are the ways to evaluate, the most expensive and full one first; with
    none there is one way.
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
    tasks: tuple[Task, ...] = ()

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
    `spending` is what the tasks of evaluations cost; None without tasks, where each costs 1.
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
    spending: Spending | None = None

    @property
    def evaluated(self) -> int:
        """How many observations count against the budget: every suggestion once."""
        return self.observations - self.repeated

    @property
    def consumed(self) -> Amount:
        """What the observations took from the budget."""
        return self.evaluated if self.spending is None else self.spending.evaluated

    @property
    def left(self) -> Amount | None:
        """The budget less observations and open suggestions, at least 0; None without one."""
        if self.budget is None:
            return None
        held = self.open_suggestions if self.spending is None else self.spending.open
        return max(0, self.budget - self.consumed - held)

    @property
    def remaining(self) -> int | None:
        """How many full evaluations fit into what is left; None without a budget."""
        return None if self.left is None else int(self.left)

    @property
    def remaining_at_most(self) -> int | None:
        """How many of the cheapest evaluations fit into what is left; None without a budget."""
        return None if self.left is None else int(self.left // self._cheapest)

    def has_room(self, *, beside_waiting: bool) -> bool:
        """Whether one more may be held, beside what waits for a worker or in its place."""
        if self.budget is None:
            return True
        if self.spending is None:
            held: Amount = self.open_suggestions if beside_waiting else self.leased_suggestions
        else:
            held = self.spending.open if beside_waiting else self.spending.leased
        return self.consumed + held + self._cheapest <= self.budget

    @property
    def _cheapest(self) -> Amount:
        return 1 if self.spending is None else self.spending.cheapest

    @property
    def finished(self) -> bool:
        """Whether nothing will ever be handed out again, unless the budget is raised."""
        if self.cells_left is not None:
            return self.cells_left + self.open_suggestions + self.queued_suggestions == 0
        return self.budget is not None and self.consumed + self._cheapest > self.budget
