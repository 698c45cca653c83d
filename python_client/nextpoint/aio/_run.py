"""A run: one tracked evaluation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from nextpoint._convert import run_from_proto
from nextpoint._fields import Fields, raise_if_any
from nextpoint._outcome import named_values_to_proto
from nextpoint.aio._suggestion import give_back
from nextpoint.errors import (
    FieldViolation,
    MetricsMissingError,
    NextpointError,
    RunEndedError,
)
from nextpoint.v1 import run_pb2, run_service_pb2

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from typing import Self, SupportsFloat

    from nextpoint._assignments import Assignments
    from nextpoint._outcome import MetricValue
    from nextpoint._records import MetadataValue, RunRecord
    from nextpoint._search_space import Task
    from nextpoint.aio._connection import Connection

logger = logging.getLogger("nextpoint")


class Run:
    """One tracked evaluation. It holds a suggestion and ends in an observation.

    Used as a context manager it ends with the block:

    - The block ends normally: the run is completed with the metrics that it logged. When one of
      the experiment is missing, the run is failed and `MetricsMissingError` raised.
    - The block raises an exception: the run is failed, the exception goes on.
    - The block is interrupted (Ctrl-C, `SystemExit`, cancellation): its suggestion is given back,
      because an evaluation that was broken off says nothing about the point.
    - The run was ended inside the block, by `complete` or `fail`: it is left as it is.

    The client renews the lease of its suggestion until the run ends or nothing refers to it any
    more.

    Example:
        async with await experiment.create_run() as run:
            await run.log_metric("accuracy", train(run.params.lr))
    """

    def __init__(self, connection: Connection, record: RunRecord) -> None:
        self._connection = connection
        self._record = record
        self._begun = False

    @property
    def id(self) -> str:
        """The identity."""
        return self._record.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._record.name

    @property
    def experiment_id(self) -> str:
        """The experiment that it belongs to."""
        return self._record.experiment_id

    @property
    def suggestion_id(self) -> str:
        """The suggestion that it evaluates."""
        return self._record.suggestion_id

    @property
    def attempt(self) -> int:
        """The attempt number under which it holds the suggestion."""
        return self._record.attempt

    @property
    def params(self) -> Assignments:
        """The assignments to evaluate: ``run.params.lr`` or ``run.params["lr"]``; read-only."""
        return self._record.params

    @property
    def task(self) -> Task | None:
        """How to evaluate: ``task.name``, ``task.cost``; None when the experiment has no tasks."""
        return self._record.task

    @property
    def values(self) -> Mapping[str, float]:
        """The last logged value of every metric."""
        return self._record.values

    @property
    def stddevs(self) -> Mapping[str, float]:
        """The standard deviations of the values, where they are known."""
        return self._record.stddevs

    @property
    def state(self) -> str:
        """Either ``active``, ``completed``, ``failed``, or ``lapsed`` when the lease was lost."""
        return self._record.state

    @property
    def observation_id(self) -> str | None:
        """The observation that it ended in; None until it ends."""
        return self._record.observation_id

    @property
    def metadata(self) -> Mapping[str, MetadataValue]:
        """The user's own notes."""
        return self._record.metadata

    @property
    def create_time(self) -> datetime:
        """When it was created."""
        return self._record.create_time

    @property
    def end_time(self) -> datetime | None:
        """When it ended; None until then."""
        return self._record.end_time

    def __repr__(self) -> str:
        return f"Run(id={self.id!r}, state={self.state!r}, params={dict(self.params)!r})"

    async def log_metric(
        self, name: str, value: SupportsFloat, stddev: SupportsFloat | None = None
    ) -> None:
        """Set the value of a metric, in place of an earlier one.

        Any name may be logged; those of the experiment's metrics become the observation.

        Args:
            name: The name of the metric.
            value: What was measured, the mean where it was measured several times.
            stddev: The standard deviation of ``value``. None means unknown, 0 without noise.

        Raises:
            InvalidArgumentError: The value is not a finite number.
            RunEndedError: The run is completed or failed already.
        """
        await self.log_metrics({name: (value, stddev)})

    async def log_metrics(
        self, metrics: Mapping[str, MetricValue] | None = None, /, **values: MetricValue
    ) -> None:
        """Set the values of several metrics at once.

        Args:
            metrics: The values by name, each alone or as ``(value, stddev)``.
            values: The same, as keywords.

        Raises:
            InvalidArgumentError: A value is not a finite number.
            RunEndedError: The run is completed or failed already.
        """
        self._begun = True
        violations: list[FieldViolation] = []
        merged = {**metrics, **values} if isinstance(metrics, Mapping) else metrics or values
        messages = named_values_to_proto(Fields(merged, "values", violations, named_by_user=True))
        raise_if_any(violations, "a metric")
        request = run_service_pb2.LogMetricsRequest(run_id=self.id, values=messages)
        response = await self._connection.call(self._connection.runs.LogMetrics, request)
        self._record = run_from_proto(response.run)

    async def complete(self) -> None:
        """End the run with the metrics that it logged, which become an observation.

        Raises:
            MetricsMissingError: A metric of the experiment was not logged; the run goes on.
            RunEndedError: The run is completed or failed already.
        """
        request = run_service_pb2.CompleteRunRequest(run_id=self.id)
        response = await self._connection.call(self._connection.runs.CompleteRun, request)
        self._end(response.run)

    async def fail(self) -> None:
        """End the run with a failed observation: the search stays away from its assignments.

        Raises:
            RunEndedError: The run is completed or failed already.
        """
        request = run_service_pb2.FailRunRequest(run_id=self.id)
        response = await self._connection.call(self._connection.runs.FailRun, request)
        self._end(response.run)

    async def refresh(self) -> None:
        """Fetch the run anew."""
        request = run_service_pb2.GetRunRequest(run_id=self.id)
        response = await self._connection.call(self._connection.runs.GetRun, request)
        self._record = run_from_proto(response.run)

    def _end(self, message: run_pb2.Run) -> None:
        self._connection.leases.drop(self.suggestion_id)
        self._record = run_from_proto(message)

    async def __aenter__(self) -> Self:
        self._begun = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        if self.state in {"completed", "failed"}:
            return False
        try:
            if error is None:
                await self._complete_or_fail()
            elif isinstance(error, Exception):
                await self.fail()
            else:
                await give_back(self._connection, self.suggestion_id, self.attempt)
        except RunEndedError:
            # Ended by another process; left as it is.
            self._connection.leases.drop(self.suggestion_id)
        except NextpointError as failure:
            if error is None:
                raise
            # What went wrong in the block is what the user has to see.
            logger.warning("%s could not be ended: %s", self.id, failure)
        return False

    async def _complete_or_fail(self) -> None:
        try:
            await self.complete()
        except MetricsMissingError:
            # Left open, it would hold a unit of the budget until its lease runs out.
            await self.fail()
            raise


async def give_back_unless_begun(run: Run) -> None:
    """Give the suggestion of a run back when nobody evaluates it."""
    if not run._begun and run.state == "active":  # noqa: SLF001  no business of users
        await give_back(run._connection, run.suggestion_id, run.attempt)  # noqa: SLF001
