"""A suggestion, its life and its provenance.

queued ──lease──► leased ──observe──► observed
                  │    ▲                 │
          release │    │ lease    reopen │ (its last observation was deleted)
                  ▼    │                 ▼
                 waiting ◄───────────────┘

What is queued or waiting is withdrawn when it lies outside the search space after a change, and so
is what comes to wait outside. Nobody gets it any more.

An outcome is taken in every state: from `waiting` and `withdrawn` it is one that came late, from
`observed` one more, from `queued` that of a user who did not wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.errors import LeaseLost
from nextpoint_service.domain.tasks import Task


class SuggestionState(Enum):
    """Where a suggestion stands."""

    QUEUED = "queued"
    LEASED = "leased"
    WAITING = "waiting"
    OBSERVED = "observed"
    WITHDRAWN = "withdrawn"


class Ending(Enum):
    """Why nothing will be handed out again."""

    BUDGET_REACHED = "budget_reached"
    GRID_EXHAUSTED = "grid_exhausted"
    EXPERIMENT_ARCHIVED = "experiment_archived"


class Generator(Enum):
    """What kind of source made a point."""

    SPACE_FILLING = "space_filling"
    MODEL = "model"
    RANDOM = "random"
    GRID = "grid"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model expects of a metric at a point, in the metric's own unit."""

    mean: float
    stddev: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a point comes from, and what was known when it was made."""

    generator: Generator
    method: str
    seed: int | None = None
    observation_count: int = 0
    pending_count: int = 0
    fallback_reason: str = ""
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    acquisition_value: float | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point that a generator proposes, and the task if it chose one."""

    assignments: Assignments
    provenance: Provenance
    task: Task | None = None

    def with_task(self, task: Task, why: str) -> "Proposal":
        """Return the proposal with a task that its generator did not choose, and say why."""
        method = f"{self.provenance.method}, {why}"
        return replace(self, task=task, provenance=replace(self.provenance, method=method))


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's hold on a suggestion, from `started` until `expires`."""

    worker_id: str
    started: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Assignments handed to a worker or queued for one.

    `attempt` counts the hand-outs; with the id it identifies one. `lease` is there exactly while
    the state is leased. `task` is how to evaluate it; None where the experiment has no tasks.
    """

    suggestion_id: str
    experiment_id: str
    assignments: Assignments
    provenance: Provenance
    state: SuggestionState
    attempt: int
    lease: Lease | None
    created: datetime
    task: Task | None = None

    def lease_to(self, worker_id: str, at: datetime, until: datetime) -> "Suggestion":
        """Return the suggestion handed to a worker, under the next attempt number."""
        if self.state not in (SuggestionState.QUEUED, SuggestionState.WAITING):
            raise ValueError(f"a suggestion that is {self.state.value} cannot be leased")
        # Counted when it is handed out, not when it is observed, so that a worker that died
        # still leaves a trace.
        return replace(
            self,
            state=SuggestionState.LEASED,
            attempt=self.attempt + 1,
            lease=Lease(worker_id, at, until),
        )

    def renew(self, attempt: int, until: datetime) -> "Suggestion":
        """Return the suggestion held longer, or raise LeaseLost."""
        lease = self._held_under(attempt)
        return replace(self, lease=replace(lease, expires=until))

    def release(self, attempt: int) -> "Suggestion":
        """Return the suggestion waiting for the next worker, or raise LeaseLost."""
        self._held_under(attempt)
        return replace(self, state=SuggestionState.WAITING, lease=None)

    def expire(self, now: datetime) -> "Suggestion":
        """Return the suggestion waiting for the next worker if its lease has ended."""
        if self.lease is None or self.lease.expires > now:
            return self
        return replace(self, state=SuggestionState.WAITING, lease=None)

    def observe(self) -> "Suggestion":
        """Return the suggestion with an observation; taken in every state."""
        return replace(self, state=SuggestionState.OBSERVED, lease=None)

    def reopen(self) -> "Suggestion":
        """Return the suggestion waiting again after its last observation was deleted."""
        if self.state is not SuggestionState.OBSERVED:
            raise ValueError(f"a suggestion that is {self.state.value} cannot be reopened")
        return replace(self, state=SuggestionState.WAITING)

    def withdraw(self) -> "Suggestion":
        """Return the suggestion out of everybody's reach."""
        if self.state not in (SuggestionState.QUEUED, SuggestionState.WAITING):
            raise ValueError(f"a suggestion that is {self.state.value} cannot be withdrawn")
        return replace(self, state=SuggestionState.WITHDRAWN)

    def _held_under(self, attempt: int) -> Lease:
        if self.lease is None or self.attempt != attempt:
            raise LeaseLost(self.suggestion_id, attempt)
        return self.lease
