"""What the use cases need from the outside: a database and the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.experiment import Experiment, ExperimentState, Progress
from nextpoint_service.domain.observation import Observation
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.suggestion import Suggestion, SuggestionState
from nextpoint_service.domain.tasks import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed:
    """Something changed that a stream may wait for.

    `worker_id` names the only worker whom it concerns; None means every worker of the experiment.
    """

    experiment_id: str
    worker_id: str | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """The revision of an experiment grew: points made before do not know everything."""

    experiment_id: str
    revision: int


Event = Changed | Learned


@dataclass(frozen=True, slots=True)
class ExperimentFilter:
    """Which experiments to list; None and empty mean any."""

    project: str = ""
    state: ExperimentState | None = None
    name_contains: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of a change: which call it was, and the ids of what it returned."""

    method: str
    digest: bytes
    result: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page of a list begins, and its length.

    `before` is the position of the last thing on the page before; None begins at the newest.
    Positions grow with creation and never change.
    """

    limit: int
    before: int | None = None


class Experiments(Protocol):
    """The experiments in the database."""

    def get(self, experiment_id: str) -> Experiment:
        """Return the experiment, or raise ExperimentNotFound."""

    def add(self, experiment: Experiment) -> None:
        """Insert a new experiment."""

    def save(self, experiment: Experiment) -> None:
        """Write back everything that can change: not the id, type and creation."""

    def learn(self, experiment_id: str) -> None:
        """Add 1 to the revision."""

    def list(self, which: ExperimentFilter, page: Page) -> list[tuple[int, Experiment]]:
        """Return experiments with their positions, the newest first."""

    def progress(self, experiment: Experiment) -> Progress:
        """Count how far the experiment has come."""


class Suggestions(Protocol):
    """The suggestions in the database."""

    def get(self, suggestion_id: str) -> Suggestion:
        """Return the suggestion, or raise SuggestionNotFound."""

    def add(self, suggestion: Suggestion, cell: int | None = None) -> None:
        """Insert a new suggestion; `cell` is its index in a grid."""

    def save(self, suggestion: Suggestion) -> None:
        """Write back the state, attempt and lease."""

    def delete(self, suggestion_id: str) -> None:
        """Delete a suggestion that was never handed out, for good."""

    def first(self, experiment_id: str, state: SuggestionState) -> Suggestion | None:
        """Return the earliest created suggestion in this state; None when there is none."""

    def held_by(self, experiment_id: str, worker_id: str) -> list[Suggestion]:
        """Return what the worker holds, the earliest created first."""

    def held_count(self, experiment_id: str, worker_id: str) -> int:
        """Return how many suggestions the worker holds."""

    def leases_ending(self, before: datetime) -> list[Suggestion]:
        """Return leased suggestions, of all experiments, whose lease expires at or before."""

    def unheld(self, experiment_id: str) -> list[Suggestion]:
        """Return what waits and what is queued, in no order."""

    def open_points(self, experiment_id: str) -> list[tuple[Assignments, Task | None]]:
        """Return what is leased, waiting or queued, with its task, the earliest created first."""

    def count(self, experiment_id: str) -> int:
        """Return how many suggestions the experiment ever had."""

    def is_taken(
        self, experiment_id: str, assignments: Assignments, task: Task | None = None
    ) -> bool:
        """Whether a suggestion or an observation has exactly this point and this task."""

    def next_cell(self, experiment_id: str) -> int:
        """Return 1 above the largest cell index of any suggestion; 0 when there is none."""

    def list(
        self, experiment_id: str, state: SuggestionState | None, page: Page
    ) -> list[tuple[int, Suggestion]]:
        """Return suggestions with their positions, the newest first."""


class Observations(Protocol):
    """The observations in the database."""

    def get(self, observation_id: str) -> Observation:
        """Return the observation, or raise ObservationNotFound."""

    def add(self, observation: Observation) -> None:
        """Insert a new observation."""

    def save(self, observation: Observation) -> None:
        """Write back the values, failed, metadata and the time of update."""

    def delete(self, observation_id: str) -> None:
        """Delete the observation for good."""

    def all(self, experiment_id: str) -> list[Observation]:
        """Return every observation of the experiment, the earliest first."""

    def count(self, experiment_id: str) -> int:
        """Return how many observations the experiment has."""

    def exists_for(self, suggestion_id: str) -> bool:
        """Whether the suggestion has an observation."""

    def recent_seconds(self, experiment_id: str, count: int) -> list[float]:
        """Return how long the newest evaluations took, at most `count`, where that is known."""

    def list(self, experiment_id: str, page: Page) -> list[tuple[int, Observation]]:
        """Return observations with their positions, the newest first."""


class Runs(Protocol):
    """The runs in the database."""

    def get(self, run_id: str) -> Run:
        """Return the run, or raise RunNotFound."""

    def add(self, run: Run) -> None:
        """Insert a new run."""

    def save(self, run: Run) -> None:
        """Write back the values, state, observation and end."""

    def active_for(self, suggestion_id: str) -> Run | None:
        """Return the active run that holds the suggestion; None when there is none."""

    def list(self, experiment_id: str, state: RunState | None, page: Page) -> list[tuple[int, Run]]:
        """Return runs with their positions, the newest first."""


class Requests(Protocol):
    """The changes that were made, by request id."""

    def find(self, request_id: str) -> Remembered | None:
        """Return what became of the request; None when it is not known."""

    def remember(self, request_id: str, remembered: Remembered, at: datetime) -> None:
        """Insert what became of a request."""

    def forget(self, before: datetime) -> None:
        """Delete what was remembered before this time."""


class Transaction(Protocol):
    """Everything in the database, as one transaction sees it.

    In a read, the methods that write fail.
    """

    @property
    def experiments(self) -> Experiments:
        """The experiments."""

    @property
    def suggestions(self) -> Suggestions:
        """The suggestions."""

    @property
    def observations(self) -> Observations:
        """The observations."""

    @property
    def runs(self) -> Runs:
        """The runs."""

    @property
    def requests(self) -> Requests:
        """The requests that were answered."""

    def publish(self, event: Event) -> None:
        """Announce the event once the transaction is committed, and not if it is not."""


class Database(Protocol):
    """Transactions on the state of the service."""

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run work in a transaction that commits durably before this returns.

        Whatever work raises undoes what work wrote, and nothing else. Work runs on the writer's
        thread: it must not wait for anything. Raises Overloaded when too many changes wait.
        """

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run work on one unchanging state of the database, without waiting for the writer."""


Clock = Callable[[], datetime]
