"""Runs a user's function over the stream of suggestions."""

from __future__ import annotations

import contextlib
import inspect
import logging
import math
from functools import partial
from typing import TYPE_CHECKING

from nextpoint._backoff import PATIENCE_SECONDS, Backoff
from nextpoint._convert import experiment_from_proto
from nextpoint._fields import Fields, describe, raise_if_any
from nextpoint._outcome import create_observation_to_proto
from nextpoint.aio._concurrency import Background, Signal, evaluated
from nextpoint.aio._observing import report
from nextpoint.aio._suggestion import ENDING_SECONDS, give_back
from nextpoint.errors import (
    DeadlineExceededError,
    EvaluationError,
    ExperimentArchivedError,
    FieldViolation,
    NextpointError,
    UnavailableError,
)
from nextpoint.v1 import experiment_service_pb2

if TYPE_CHECKING:
    from nextpoint._outcome import Values
    from nextpoint._progress_bar import ProgressBar
    from nextpoint._records import ExperimentRecord
    from nextpoint.aio._concurrency import Evaluate
    from nextpoint.aio._connection import Connection
    from nextpoint.aio._stream import SuggestionStream
    from nextpoint.aio._suggestion import Suggestion
    from nextpoint.v1 import observation_service_pb2

logger = logging.getLogger("nextpoint")


class Optimization:
    """Several evaluations at a time, fed by one stream."""

    def __init__(
        self,
        connection: Connection,
        experiment: ExperimentRecord,
        stream: SuggestionStream,
        evaluate: Evaluate,
        *,
        max_failures: int,
        bar: ProgressBar | None,
    ) -> None:
        self._connection = connection
        self._experiment = experiment
        self._stream = stream
        self._evaluate = evaluate
        self._max_failures = max_failures
        self._bar = bar
        self._failures = 0
        self._succeeded = False
        self._held: dict[str, Suggestion] = {}
        # Outcomes of held suggestions that the service has not confirmed.
        self._unreported: dict[str, observation_service_pb2.CreateObservationRequest] = {}
        self._error: Exception | None = None
        self._last_failure: Exception | None = None
        self._stopped = Signal()

    async def run(self, workers: int) -> None:
        """Evaluate until there is no more to do.

        What was measured at the end is reported, the rest of what is held is given back.
        """
        others: list[Background] = []
        try:
            await self._show_progress()
            others.extend(Background(self._work) for _ in range(workers - 1))
            # The caller is a worker as well, so that Ctrl-C reaches an evaluation.
            await self._work()
            for worker in others:
                await worker.join()
        finally:
            self._stopped.set()
            for worker in others:
                await worker.cancel()
            await self._end()
            if self._bar is not None:
                self._bar.close()
        if self._error is not None:
            raise self._error
        # A single one says little: others may have had better luck.
        if self._last_failure is not None and self._failures > 1 and not self._succeeded:
            raise _gave_up(f"all {self._failures} evaluations failed", self._last_failure)

    async def _end(self) -> None:
        """Report and give back, side by side and soon: whoever waits wants to end."""
        unreported = dict(self._unreported)
        held = [each for each in self._held.values() if each.id not in unreported]
        reporting = [
            Background(partial(self._report_soon, self._held[suggestion_id], request))
            for suggestion_id, request in unreported.items()
        ]
        await self._stream.give_back(held)
        for each in reporting:
            await each.join()

    async def _work(self) -> None:
        try:
            while (suggestion := await self._stream.take()) is not None:
                # Handed out anew after a long break, while it is still evaluated here.
                if suggestion.id not in self._held:
                    self._held[suggestion.id] = suggestion
                    await self._evaluate_and_report(suggestion)
        except Exception as error:  # noqa: BLE001  raised by `run`; here nobody would see it
            # The others finish what they evaluate, and take nothing more.
            self._error = self._error or error
            self._stream.stop()

    async def _evaluate_and_report(self, suggestion: Suggestion) -> None:
        failure: Exception | None = None
        values: Values | None = None
        try:
            task = [] if suggestion.task is None else [suggestion.task]
            values = await evaluated(self._evaluate, suggestion.assignments, *task)
        except Exception as error:
            # Whatever the user's function raises is an outcome.
            logger.warning("evaluation of %s failed", suggestion.id, exc_info=error)
            failure = error
        if self._stopped.is_set():
            return
        request = self._outcome(suggestion, values=values, failed=failure is not None)
        if failure is None and (failure := _no_number(request)) is not None:
            logger.warning("evaluation of %s failed: %s", suggestion.id, failure)
            request = self._outcome(suggestion, failed=True)
        self._unreported[suggestion.id] = request
        if not await self._report(request):
            return
        del self._unreported[suggestion.id]
        del self._held[suggestion.id]
        await self._show_progress()
        self._count(failure)

    def _outcome(
        self, suggestion: Suggestion, *, values: Values | None = None, failed: bool
    ) -> observation_service_pb2.CreateObservationRequest:
        given = {"suggestion": suggestion, "values": values, "failed": failed}
        return create_observation_to_proto(given, self._experiment)

    async def _report(self, request: observation_service_pb2.CreateObservationRequest) -> bool:
        """Report an outcome, however long the service is away: it may have cost hours.

        Return whether it was reported before everything ended.
        """
        backoff = Backoff(PATIENCE_SECONDS)
        while True:
            try:
                await report(self._connection, request)
            except (UnavailableError, DeadlineExceededError) as error:
                delay = backoff.delay_after(error)
                logger.warning("outcome not reported, will try again: %s", error)
                if await self._stopped.wait(delay):
                    return False
            except ExperimentArchivedError as error:
                # The stream says so as well, and that is how this ends.
                logger.warning("outcome of %s is lost: %s", request.suggestion_id, error)
                return True
            else:
                return True

    async def _report_soon(
        self, suggestion: Suggestion, request: observation_service_pb2.CreateObservationRequest
    ) -> None:
        try:
            await report(self._connection, request, within=ENDING_SECONDS)
        except (UnavailableError, DeadlineExceededError) as error:
            # It may have arrived, so the suggestion is not given back.
            logger.warning("outcome of %s not reported: %s", suggestion.id, error)
        except NextpointError:
            await give_back(self._connection, suggestion.id, suggestion.attempt)

    def _count(self, failure: Exception | None) -> None:
        self._last_failure = failure
        if failure is None:
            self._failures = 0
            self._succeeded = True
            return
        self._failures += 1
        if self._failures >= self._max_failures:
            raise _gave_up(f"{self._failures} evaluations in a row failed", failure)

    async def _show_progress(self) -> None:
        if self._bar is None:
            return
        request = experiment_service_pb2.GetExperimentRequest(experiment_id=self._experiment.id)
        # A bar that is late hurts nobody.
        with contextlib.suppress(NextpointError):
            response = await self._connection.call(
                self._connection.experiments.GetExperiment, request
            )
            self._bar.show(experiment_from_proto(response.experiment).progress)


def check_arguments(
    evaluate: object, *, takes_task: bool, workers: int, max_consecutive_failures: int
) -> None:
    """Raise InvalidArgumentError with everything that is wrong with what `optimize` was given."""
    violations: list[FieldViolation] = []
    counts = {"workers": workers, "max_consecutive_failures": max_consecutive_failures}
    fields = Fields(counts, "", violations)
    for count in counts:
        fields.count(count)
    arguments = ("assignments", "task") if takes_task else ("assignments",)
    if problem := _problem_of(evaluate, arguments):
        violations.append(FieldViolation("evaluate", problem))
    raise_if_any(violations, "the call")


def _problem_of(evaluate: object, arguments: tuple[str, ...]) -> str | None:
    """Say why this is no function of these arguments, or return None."""
    wanted = f"must be a function of {' and '.join(f'the {each}' for each in arguments)}"
    if not callable(evaluate):
        return f"{wanted}, got {describe(evaluate)}"
    # Of some functions, such as those in C, nobody knows what they take.
    with contextlib.suppress(ValueError):
        try:
            inspect.signature(evaluate).bind(*arguments)
        except TypeError as error:
            return f"{wanted}, but {error}"
    return None


def _gave_up(what: str, failure: Exception) -> EvaluationError:
    error = EvaluationError(
        f"{what}, the last with {type(failure).__name__}: {failure}", reason="EVALUATIONS_FAILED"
    )
    error.__cause__ = failure
    return error


def _no_number(request: observation_service_pb2.CreateObservationRequest) -> ValueError | None:
    """Return what is wrong when there is no number to learn from, as after a divergence."""
    for value in request.values:
        if not math.isfinite(value.value):
            return ValueError(f"the value of {value.name!r} is {value.value}")
        if value.HasField("value_stddev") and not 0 <= value.value_stddev < math.inf:
            return ValueError(f"the standard deviation of {value.name!r} is {value.value_stddev}")
    return None
