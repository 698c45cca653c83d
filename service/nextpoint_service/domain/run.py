"""A run: one tracked evaluation.

active ──complete──► completed        lapsed ──complete──► completed
       ──fail──────► failed                  ──fail──────► failed
       ──lapse─────► lapsed (its lease ended first; its outcome is still taken)
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from nextpoint_service.domain.assignments import Assignments
from nextpoint_service.domain.errors import MetricsMissing, RunEnded
from nextpoint_service.domain.experiment import Experiment, Metadata
from nextpoint_service.domain.observation import Values
from nextpoint_service.domain.tasks import Task


class RunState(Enum):
    """Where a run stands."""

    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation of a suggestion; `values` are the last logged of every metric.

    `task` is that of the suggestion.
    """

    run_id: str
    experiment_id: str
    suggestion_id: str
    attempt: int
    name: str
    assignments: Assignments
    values: Values
    state: RunState
    observation_id: str | None
    metadata: Metadata
    created: datetime
    ended: datetime | None
    task: Task | None = None

    def log(self, values: Values) -> "Run":
        """Return the run with these values set, or raise RunEnded."""
        self.require_open()
        return replace(self, values={**self.values, **values})

    def outcome(self, experiment: Experiment) -> Values:
        """Return the logged values of the experiment's metrics.

        Raises RunEnded, and MetricsMissing.
        """
        self.require_open()
        missing = [each.name for each in experiment.metrics if each.name not in self.values]
        if missing:
            raise MetricsMissing(self.run_id, missing, self.values)
        return {each.name: self.values[each.name] for each in experiment.metrics}

    def complete(self, observation_id: str, at: datetime) -> "Run":
        """Return the run completed, or raise RunEnded."""
        return self._end(RunState.COMPLETED, observation_id, at)

    def fail(self, observation_id: str, at: datetime) -> "Run":
        """Return the run failed, or raise RunEnded."""
        return self._end(RunState.FAILED, observation_id, at)

    def lapse(self) -> "Run":
        """Return the run lapsed, or raise RunEnded; a lapsed run stays as it is."""
        self.require_open()
        return replace(self, state=RunState.LAPSED)

    def require_open(self) -> None:
        """Raise RunEnded once the run has an outcome."""
        if self.state in (RunState.COMPLETED, RunState.FAILED):
            raise RunEnded(self.run_id, self.state.value)

    def _end(self, state: RunState, observation_id: str, at: datetime) -> "Run":
        self.require_open()
        return replace(self, state=state, observation_id=observation_id, ended=at)
