"""Tells workers which point to try next: the client of a Nextpoint service.

    import nextpoint

    experiment = nextpoint.create_experiment(
        name="forest",
        parameters=[nextpoint.Int("depth", 2, 20), nextpoint.Double("lr", 1e-4, 1, log=True)],
        metrics=["accuracy"],
        budget=30,
    )
    for run in experiment.loop():
        with run:
            run.log_metric("accuracy", train(run.params))

The functions use a default client, of the service at ``NEXTPOINT_ADDRESS`` (read at first use) or
127.0.0.1:50051; `Client` is an explicit one. `nextpoint.aio` is the same for asyncio.
"""

from nextpoint import aio
from nextpoint._assignments import Assignments
from nextpoint._default import (
    create_experiment,
    get_experiment,
    get_run,
    list_experiments,
    local,
)
from nextpoint._outcome import NewObservation
from nextpoint._records import (
    Lease,
    Observation,
    Prediction,
    Progress,
    Provenance,
    StoppingCriteria,
)
from nextpoint._search_space import (
    BetaPrior,
    Bool,
    Categorical,
    Conditional,
    Double,
    Int,
    LinearConstraint,
    Metric,
    NormalPrior,
    Task,
    UnknownParameter,
)
from nextpoint._sync._client import Client
from nextpoint._sync._experiment import Experiment
from nextpoint._sync._run import Run
from nextpoint._sync._suggestion import Suggestion
from nextpoint.errors import (
    BudgetSpentError,
    DeadlineExceededError,
    EvaluationError,
    ExperimentArchivedError,
    FieldViolation,
    InvalidArgumentError,
    LeaseLostError,
    MetricsMissingError,
    NextpointError,
    NotFoundError,
    OverloadedError,
    RunEndedError,
    ServiceError,
    StateError,
    UnavailableError,
    WorkerReplacedError,
)

__all__ = [
    "Assignments",
    "BetaPrior",
    "Bool",
    "BudgetSpentError",
    "Categorical",
    "Client",
    "Conditional",
    "DeadlineExceededError",
    "Double",
    "EvaluationError",
    "Experiment",
    "ExperimentArchivedError",
    "FieldViolation",
    "Int",
    "InvalidArgumentError",
    "Lease",
    "LeaseLostError",
    "LinearConstraint",
    "Metric",
    "MetricsMissingError",
    "NewObservation",
    "NextpointError",
    "NormalPrior",
    "NotFoundError",
    "Observation",
    "OverloadedError",
    "Prediction",
    "Progress",
    "Provenance",
    "Run",
    "RunEndedError",
    "ServiceError",
    "StateError",
    "StoppingCriteria",
    "Suggestion",
    "Task",
    "UnavailableError",
    "UnknownParameter",
    "WorkerReplacedError",
    "aio",
    "create_experiment",
    "get_experiment",
    "get_run",
    "list_experiments",
    "local",
]
