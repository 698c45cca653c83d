"""Everything that can go wrong, with the reason that callers see.

Each error says what is the case, carries a stable `reason`, and repeats in `metadata` whatever
varies in its message. `docs/contract.md` lists the reasons. All are here, so that one look shows
what a caller can be told, and one table in the transport can be complete.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

_SHOWN = 5
"""How much of a list goes into a message, which travels in a header of limited size."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One rule that one field of a request breaks; `field` is the field's path."""

    field: str
    description: str


class NextpointServiceError(Exception):
    """The root of all errors that a caller is told about."""

    reason: ClassVar[str]

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.metadata: Mapping[str, str] = metadata


class InvalidRequest(NextpointServiceError):
    """The request breaks rules; `violations` lists all of them."""

    reason = "INVALID_REQUEST"

    def __init__(self, violations: Iterable[FieldViolation]) -> None:
        self.violations = tuple(violations)
        count = len(self.violations)
        listed = _listed([f"{each.field}: {each.description}" for each in self.violations], "; ")
        super().__init__(f"the request breaks {count} rule{'s' * (count != 1)}: {listed}")


class RequestIdReused(NextpointServiceError):
    """The request id was used for another request."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"request id '{request_id}' was used for another request; make a new one",
            request_id=request_id,
        )


class NotFound(NextpointServiceError):
    """There is no such thing."""


class ExperimentNotFound(NotFound):
    """There is no such experiment."""

    reason = "EXPERIMENT_NOT_FOUND"

    def __init__(self, experiment_id: str) -> None:
        super().__init__(f"there is no experiment '{experiment_id}'", experiment_id=experiment_id)


class SuggestionNotFound(NotFound):
    """There is no such suggestion."""

    reason = "SUGGESTION_NOT_FOUND"

    def __init__(self, suggestion_id: str) -> None:
        super().__init__(f"there is no suggestion '{suggestion_id}'", suggestion_id=suggestion_id)


class ObservationNotFound(NotFound):
    """There is no such observation."""

    reason = "OBSERVATION_NOT_FOUND"

    def __init__(self, observation_id: str) -> None:
        super().__init__(
            f"there is no observation '{observation_id}'", observation_id=observation_id
        )


class RunNotFound(NotFound):
    """There is no such run."""

    reason = "RUN_NOT_FOUND"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run '{run_id}'", run_id=run_id)


class PreconditionFailed(NextpointServiceError):
    """The state of things does not allow the call."""


class ExperimentArchived(PreconditionFailed):
    """The experiment is archived."""

    reason = "EXPERIMENT_ARCHIVED"

    def __init__(self, experiment_id: str) -> None:
        super().__init__(
            f"experiment '{experiment_id}' is archived; unarchive it first",
            experiment_id=experiment_id,
        )


class BudgetSpent(PreconditionFailed):
    """Observations and open suggestions are as many as the budget says."""

    reason = "BUDGET_SPENT"

    def __init__(
        self, experiment_id: str, budget: int, held: int = 0, holders: Sequence[str] = ()
    ) -> None:
        """Say who stands in the way.

        Args:
            experiment_id: The experiment.
            budget: How many observations it is for.
            held: How many suggestions workers hold.
            holders: The workers of the newest of them, one for each.
        """
        who, varying = _held_by(held, holders)
        super().__init__(
            f"the budget of {budget} of experiment '{experiment_id}' is spent{who}; a larger one"
            " makes it go on",
            experiment_id=experiment_id,
            budget=str(budget),
            **varying,
        )


def _held_by(held: int, holders: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return who stands in the way, in words and as metadata; nothing when nobody does."""
    if not held:
        return "", {}
    names = ", ".join(f"'{holder}'" for holder in dict.fromkeys(holders))
    others = " and others" if len(holders) < held else ""
    who = (
        f", {held} of its suggestions held by {names}{others}: report or release them, or wait"
        " until the leases run out"
    )
    return who, {"held": str(held), "holders": names}


class GridExhausted(PreconditionFailed):
    """Every cell of the grid is handed out."""

    reason = "GRID_EXHAUSTED"

    def __init__(
        self, experiment_id: str, cells: int, held: int = 0, holders: Sequence[str] = ()
    ) -> None:
        """Say who stands in the way, as BudgetSpent does."""
        who, varying = _held_by(held, holders)
        super().__init__(
            f"all {cells} cells of the grid of experiment '{experiment_id}' are handed out{who}",
            experiment_id=experiment_id,
            cells=str(cells),
            **varying,
        )


class LeaseLost(PreconditionFailed):
    """The caller does not hold the suggestion under this attempt number."""

    reason = "LEASE_LOST"

    def __init__(self, suggestion_id: str, attempt: int) -> None:
        super().__init__(
            f"suggestion '{suggestion_id}' is not held under attempt {attempt}",
            suggestion_id=suggestion_id,
            attempt=str(attempt),
        )


class NotQueued(PreconditionFailed):
    """The suggestion is not in the queue any more."""

    reason = "NOT_QUEUED"

    def __init__(self, suggestion_id: str, state: str) -> None:
        super().__init__(
            f"suggestion '{suggestion_id}' is not queued any more: it is {state}",
            suggestion_id=suggestion_id,
            state=state,
        )


class RunEnded(PreconditionFailed):
    """The run has ended."""

    reason = "RUN_ENDED"

    def __init__(self, run_id: str, state: str) -> None:
        super().__init__(f"run '{run_id}' has ended: it is {state}", run_id=run_id, state=state)


class MetricsMissing(PreconditionFailed):
    """A metric of the experiment was not logged."""

    reason = "METRICS_MISSING"

    def __init__(self, run_id: str, missing: Iterable[str], logged: Iterable[str]) -> None:
        names = _listed([f"'{name}'" for name in missing], ", ")
        others = _listed([f"'{name}'" for name in logged], ", ") or "nothing"
        super().__init__(
            f"run '{run_id}' has no value for {names}; it logged {others}",
            run_id=run_id,
            missing=names,
            logged=others,
        )


class TooFewObservations(PreconditionFailed):
    """There are not enough observations to learn from."""

    reason = "TOO_FEW_OBSERVATIONS"

    def __init__(self, experiment_id: str, needed: int, found: int) -> None:
        super().__init__(
            f"experiment '{experiment_id}' needs {needed} successful observations for that,"
            f" there are {found}",
            experiment_id=experiment_id,
            needed=str(needed),
            found=str(found),
        )


class HypervolumeUndefined(PreconditionFailed):
    """Without a threshold on every optimized metric there is no volume to measure."""

    reason = "HYPERVOLUME_UNDEFINED"

    def __init__(self, experiment_id: str, optimized: int, thresholds: int, limit: int) -> None:
        super().__init__(
            f"a hypervolume needs 2 to {limit} optimized metrics with a threshold each; experiment"
            f" '{experiment_id}' optimizes {optimized}, of which {thresholds} have one",
            experiment_id=experiment_id,
            optimized=str(optimized),
            thresholds=str(thresholds),
            limit=str(limit),
        )


class LimitReached(NextpointServiceError):
    """A named limit of the service is reached."""

    retry_after_seconds: float | None = None


class QueueFull(LimitReached):
    """The queue of the experiment is full."""

    reason = "QUEUE_FULL"

    def __init__(self, experiment_id: str, limit: int) -> None:
        super().__init__(
            f"experiment '{experiment_id}' has {limit} queued suggestions, which is the limit",
            experiment_id=experiment_id,
            limit=str(limit),
        )


class TooManyObservations(LimitReached):
    """The experiment is full."""

    reason = "TOO_MANY_OBSERVATIONS"

    def __init__(self, experiment_id: str, limit: int) -> None:
        super().__init__(
            f"experiment '{experiment_id}' would have more than {limit} observations,"
            " which is the limit",
            experiment_id=experiment_id,
            limit=str(limit),
        )


class FrontierTooLarge(LimitReached):
    """The hypervolume of the frontier takes too long."""

    reason = "FRONTIER_TOO_LARGE"

    def __init__(self, experiment_id: str, points: int, limit: float) -> None:
        super().__init__(
            f"the hypervolume of the {points} points on the frontier of experiment"
            f" '{experiment_id}' takes longer than {limit:g} s, which is the limit",
            experiment_id=experiment_id,
            points=str(points),
            limit=f"{limit:g}",
        )


class TooManyStreams(LimitReached):
    """The service holds as many streams as it is set to."""

    reason = "TOO_MANY_STREAMS"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the service holds {limit} streams, which is its limit (--max-streams)",
            limit=str(limit),
        )


class Overloaded(LimitReached):
    """More calls wait than the service is set to keep."""

    reason = "OVERLOADED"
    retry_after_seconds = 1.0

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} calls are waiting, which is the limit", limit=str(limit))


class ModelUnavailable(LimitReached):
    """What only a model process can say could not be computed within its limits."""

    reason = "MODEL_UNAVAILABLE"

    def __init__(self, experiment_id: str, why: str) -> None:
        super().__init__(
            f"experiment '{experiment_id}' could not be analysed: {why}",
            experiment_id=experiment_id,
            why=why,
        )


class WorkerReplaced(NextpointServiceError):
    """Another stream was opened with the same worker id."""

    reason = "WORKER_REPLACED"

    def __init__(self, worker_id: str) -> None:
        super().__init__(
            f"worker '{worker_id}' opened another stream; one worker id has one stream",
            worker_id=worker_id,
        )


class ShuttingDown(NextpointServiceError):
    """The service is going away and will be back."""

    reason = "SHUTTING_DOWN"
    retry_after_seconds = 1.0

    def __init__(self) -> None:
        super().__init__("the service is shutting down; come back in a moment")


def _listed(texts: Sequence[str], separator: str) -> str:
    left = len(texts) - _SHOWN
    more = [f"and {left} more"] if left > 0 else []
    return separator.join([*texts[:_SHOWN], *more])
