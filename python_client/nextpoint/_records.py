"""What the service says about things that a user only reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nextpoint._assignments import Assignments
    from nextpoint._search_space import (
        Conditional,
        LinearConstraint,
        Metric,
        Parameter,
        Task,
        UnknownParameter,
    )

MetadataValue: TypeAlias = str | float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an experiment has come.

    Attributes:
        observation_count: How many observations there are, failed ones included.
        failed_observation_count: How many of them failed.
        open_suggestion_count: How many suggestions are held by a worker or wait for the next one.
        queued_suggestion_count: How many suggestions of the user's own are queued.
        active_run_count: How many runs are active; each holds an open suggestion.
        budget: How many observations the experiment is for; None without a limit.
        remaining_budget: The budget less the observations, apart from the repeated ones, and the
            open suggestions of everyone, at least 0; None without a limit. With tasks it is
            ``budget_left`` rounded down.
        finished: Whether there are as many observations as the budget says, apart from the repeated
            ones, or the grid is exhausted; with tasks, whether not even the cheapest fits.
        repeated_observation_count: How many of the observations are further ones of a suggestion
            that had one already. They do not count against the budget.
        budget_consumed: What the observations have used of the budget: 1 each, or with tasks what
            each cost.
        budget_left: The budget less that and what the open suggestions cost, at least 0; None
            without a limit.
    """

    observation_count: int
    failed_observation_count: int
    open_suggestion_count: int
    queued_suggestion_count: int
    active_run_count: int
    budget: int | None
    remaining_budget: int | None
    finished: bool
    repeated_observation_count: int
    budget_consumed: float
    budget_left: float | None


@dataclass(frozen=True, slots=True)
class StoppingCriteria:
    """Whether it is time to stop, which is advice.

    Attributes:
        should_stop: Whether there is a reason to stop.
        reasons: ``budget_reached``, ``possible_stagnation``, both or none.
    """

    should_stop: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """The state of an experiment when it was last fetched."""

    id: str
    name: str
    project: str | None
    type: str
    parameters: tuple[Parameter | UnknownParameter, ...]
    metrics: tuple[Metric, ...]
    linear_constraints: tuple[LinearConstraint, ...]
    budget: int | None
    parallel_bandwidth: int
    num_solutions: int
    engine: str
    conditionals: tuple[Conditional, ...]
    tasks: tuple[Task, ...]
    metadata: Mapping[str, MetadataValue]
    tags: tuple[str, ...]
    state: str
    progress: Progress
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model expects of a metric at a point, in the metric's own unit.

    Attributes:
        mean: The mean.
        stddev: The standard deviation of the metric's true value.
    """

    mean: float
    stddev: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the assignments of a suggestion come from.

    Attributes:
        generator: ``space_filling``, ``model``, ``random``, ``grid`` or ``user``.
        method: The method in the source's own words; may change between versions.
        seed: The seed of every random draw that went into them; None where none did.
        observation_count: How many observations were known.
        pending_count: How many points without an outcome were taken into account: those that were
            being evaluated, and those made but not yet asked for.
        fallback_reason: Why a space-filling point stands in for one of the model's; empty
            otherwise.
        predictions: What the model expects of each metric, by name; empty without a model.
        acquisition_value: The value of the acquisition function; None without a model.
    """

    generator: str
    method: str
    seed: int | None
    observation_count: int
    pending_count: int
    fallback_reason: str
    predictions: Mapping[str, Prediction]
    acquisition_value: float | None


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's hold on a suggestion.

    Attributes:
        worker_id: Who holds it.
        expire_time: When it ends unless it is renewed.
    """

    worker_id: str
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The state of a run when it was last fetched."""

    id: str
    name: str
    experiment_id: str
    suggestion_id: str
    attempt: int
    params: Assignments
    values: Mapping[str, float]
    stddevs: Mapping[str, float]
    state: str
    observation_id: str | None
    metadata: Mapping[str, MetadataValue]
    create_time: datetime
    end_time: datetime | None
    task: Task | None


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of an evaluation.

    Attributes:
        id: The identity.
        experiment_id: The experiment that it belongs to.
        suggestion_id: The suggestion that was evaluated; None for assignments of the user's own.
        run_id: The run that ended in it; None when there was none.
        assignments: Where it was made.
        values: What was measured, by metric; empty when the evaluation failed.
        stddevs: The standard deviations of the values, by metric, where they are known.
        failed: Whether the evaluation failed.
        outside: Whether the assignments lay outside the search space when they were reported, as a
            user's own may.
        metadata: The user's own notes.
        create_time: When it was reported.
        update_time: When it was last changed.
        predictions: What a model expects of each metric there; empty unless it was asked, see
            ``best_assignments``.
        task: How it was evaluated; None when the experiment has no tasks.
    """

    id: str
    experiment_id: str
    suggestion_id: str | None
    run_id: str | None
    assignments: Assignments
    values: Mapping[str, float]
    stddevs: Mapping[str, float]
    failed: bool
    outside: bool
    metadata: Mapping[str, MetadataValue]
    create_time: datetime
    update_time: datetime
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    task: Task | None = None
