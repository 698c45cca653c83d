"""Everything that the client raises.

    NextpointError
    ├── InvalidArgumentError (a ValueError)     a rule is broken; .violations lists what and where
    ├── NotFoundError (a LookupError)           no such experiment, suggestion, observation, run
    ├── StateError                              not possible as things stand
    │   ├── BudgetSpentError                    the budget is spent, or the grid is exhausted
    │   ├── ExperimentArchivedError             the experiment is archived
    │   ├── LeaseLostError                      the suggestion is no longer held
    │   ├── MetricsMissingError                 a run was completed with a metric missing
    │   └── RunEndedError                       the run is completed or failed already
    ├── WorkerReplacedError                     another stream uses the same worker id
    ├── OverloadedError                         the service is at one of its limits
    ├── UnavailableError                        the service cannot be reached, or is going away
    ├── DeadlineExceededError (a TimeoutError)  no answer within the client's timeout
    ├── ServiceError                            the service failed, or refused for another cause
    └── EvaluationError                         the function given to `optimize` kept raising

Where a call failed, ``__cause__`` is what gRPC raised, with its status: for reports of bugs, and
without a promise.

A refused call has changed nothing. After `UnavailableError` and `DeadlineExceededError` it is
not known whether it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with a request.

    Attributes:
        field: The path of the field, such as ``parameters[1].bounds.max``.
        description: What is wrong with it.
    """

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}"


class NextpointError(Exception):
    """The root of everything that the client raises.

    Attributes:
        reason: A stable word for programs, such as ``BUDGET_SPENT``.
        metadata: What varies in the message, by name.
        retry_after: After how many seconds trying again may help; None where nothing is known.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.retry_after = retry_after


class InvalidArgumentError(NextpointError, ValueError):
    """What was asked for breaks a rule.

    Attributes:
        violations: Everything that is wrong, each with the path of its field.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "INVALID_REQUEST",
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: Iterable[FieldViolation] = (),
    ) -> None:
        self.violations = tuple(violations)
        lines = [message, *(f"  {violation}" for violation in self.violations)]
        super().__init__(
            "\n".join(lines), reason=reason, metadata=metadata, retry_after=retry_after
        )


class NotFoundError(NextpointError, LookupError):
    """There is no such experiment, suggestion, observation or run."""


class StateError(NextpointError):
    """The call is not possible as things stand."""


class BudgetSpentError(StateError):
    """No suggestion is left: the budget is spent or the grid is exhausted."""


class ExperimentArchivedError(StateError):
    """The experiment is archived; `Experiment.unarchive` makes it active again."""


class LeaseLostError(StateError):
    """The suggestion is no longer held under this attempt."""


class MetricsMissingError(StateError):
    """A run was completed before every metric of its experiment was logged."""


class RunEndedError(StateError):
    """The run is completed or failed already."""


class WorkerReplacedError(NextpointError):
    """Another stream was opened with the same worker id; give every worker one of its own."""


class OverloadedError(NextpointError):
    """The service is at one of its limits; `reason` says at which."""


class UnavailableError(NextpointError):
    """The service cannot be reached, or is going away."""


class DeadlineExceededError(NextpointError, TimeoutError):
    """The service did not answer within the client's timeout."""


class ServiceError(NextpointError):
    """The service failed; quote the incident number in the message to whoever runs it."""


class EvaluationError(NextpointError):
    """The function given to `Experiment.optimize` kept raising; the cause is its last exception."""
