"""Builders of domain objects with good defaults, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.definition import ExperimentDraft
from nextpoint_service.domain.experiment import (
    Experiment,
    ExperimentState,
    ExperimentType,
    Metric,
    Objective,
    Progress,
    Strategy,
)
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.observation import Measurement, Observation
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.run import Run, RunState
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Provenance,
    Suggestion,
    SuggestionState,
)

NOW = datetime(2026, 5, 17, 12, 30, 15, 123457, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)

BREAD: dict[str, Value] = {"heat": 200.0, "minutes": 40, "flour": "rye", "steam": True}
"""A point of `a_space()`."""


def a_space(*constraints: LinearConstraint) -> SearchSpace:
    """Return a space with one parameter of each type, named as in `BREAD`."""
    return SearchSpace(
        (
            DoubleParameter("heat", 120.0, 240.0),
            IntParameter("minutes", 20, 60),
            CategoricalParameter("flour", ("wheat", "rye", "spelt")),
            BoolParameter("steam"),
        ),
        constraints,
    )


def a_grid() -> SearchSpace:
    """Return a space of twelve cells."""
    return SearchSpace(
        (
            DoubleParameter("heat", 180.0, 220.0, grid=(180.0, 200.0, 220.0)),
            IntParameter("minutes", 30, 40, grid=(30, 40)),
            BoolParameter("steam"),
        )
    )


def a_constraint(
    comparison: Comparison = Comparison.LESS_THAN,
    weights: dict[str, float] | None = None,
    threshold: float = 300.0,
) -> LinearConstraint:
    """Return heat + 2 minutes <= 300, unless told otherwise."""
    weights = weights or {"heat": 1.0, "minutes": 2.0}
    terms = tuple(Term(name, weight) for name, weight in weights.items())
    return LinearConstraint(comparison, terms, threshold)


def a_metric(
    name: str = "taste",
    strategy: Strategy = Strategy.OPTIMIZE,
    threshold: float | None = None,
    *,
    minimize: bool = False,
) -> Metric:
    """Return a metric, optimized and maximized unless told otherwise."""
    objective = Objective.MINIMIZE if minimize else Objective.MAXIMIZE
    return Metric(name, objective, strategy, threshold)


def an_experiment(**fields: Any) -> Experiment:
    """Return an active experiment on `a_space()` with one metric, `taste`."""
    defaults: dict[str, Any] = {
        "experiment_id": "exp_1",
        "name": "bread",
        "project": "bakery",
        "type": ExperimentType.OPTIMIZED,
        "space": a_space(),
        "metrics": (a_metric(),),
        "budget": 20,
        "parallel_bandwidth": None,
        "metadata": {},
        "tags": (),
        "state": ExperimentState.ACTIVE,
        "revision": 1,
        "created": NOW,
        "updated": NOW,
    }
    return Experiment(**{**defaults, **fields})


def a_grid_experiment(**fields: Any) -> Experiment:
    """Return an experiment of type grid on `a_grid()`."""
    defaults = {"type": ExperimentType.GRID, "space": a_grid(), "budget": 12}
    return an_experiment(**{**defaults, **fields})


def a_suggestion(
    state: SuggestionState = SuggestionState.LEASED,
    **fields: Any,
) -> Suggestion:
    """Return a suggestion in this state; `baker` holds it for a minute while it is leased."""
    queued = state is SuggestionState.QUEUED
    leased = state is SuggestionState.LEASED
    defaults: dict[str, Any] = {
        "suggestion_id": "sug_1",
        "experiment_id": "exp_1",
        "assignments": BREAD,
        "provenance": Provenance(Generator.USER, "queued")
        if queued
        else Provenance(Generator.SPACE_FILLING, "scrambled Sobol", seed=7),
        "attempt": 0 if queued else 1,
        "lease": Lease("baker", NOW, LATER) if leased else None,
        "created": NOW,
    }
    return Suggestion(state=state, **{**defaults, **fields})


def an_observation(
    values: dict[str, float] | None = None,
    **fields: Any,
) -> Observation:
    """Return an observation of the user's own; without values its `taste` is 1."""
    failed = fields.get("failed", False)
    values = {} if failed else values or {"taste": 1.0}
    defaults: dict[str, Any] = {
        "observation_id": "obs_1",
        "experiment_id": "exp_1",
        "suggestion_id": None,
        "run_id": None,
        "assignments": BREAD,
        "values": {name: Measurement(value) for name, value in values.items()},
        "failed": failed,
        "outside": False,
        "metadata": {},
        "seconds": None,
        "created": NOW,
        "updated": NOW,
    }
    return Observation(**{**defaults, **fields})


def a_run(
    state: RunState = RunState.ACTIVE,
    **fields: Any,
) -> Run:
    """Return a run of `a_suggestion()` that has logged nothing."""
    ended = state in (RunState.COMPLETED, RunState.FAILED)
    defaults: dict[str, Any] = {
        "run_id": "run_1",
        "experiment_id": "exp_1",
        "suggestion_id": "sug_1",
        "attempt": 1,
        "name": "bread",
        "assignments": BREAD,
        "values": {},
        "observation_id": "obs_1" if ended else None,
        "metadata": {},
        "created": NOW,
        "ended": LATER if ended else None,
    }
    return Run(state=state, **{**defaults, **fields})


def progress(**counts: Any) -> Progress:
    """Return the progress of an experiment with a budget of 20 and nothing done."""
    defaults: dict[str, Any] = {
        "observations": 0,
        "failed": 0,
        "repeated": 0,
        "leased_suggestions": 0,
        "open_suggestions": 0,
        "queued_suggestions": 0,
        "active_runs": 0,
        "budget": 20,
    }
    return Progress(**{**defaults, **counts})


def a_parameter_draft(
    name: str = "heat",
    kind: str | None = "double",
    **fields: Any,
) -> ParameterDraft:
    """Return a faultless parameter of this type as a caller would write it."""
    if kind == "categorical":
        fields.setdefault("categorical_values", ("wheat", "rye"))
    elif kind != "bool" and "grid" not in fields:
        fields.setdefault("bounds", (1.0, 60.0))
    return ParameterDraft(name, kind, **fields)


def a_constraint_draft(
    weights: dict[str, float | None] | None = None,
    comparison: Comparison | None = Comparison.LESS_THAN,
    threshold: float | None = 100.0,
) -> ConstraintDraft:
    """Return heat + 2 minutes <= 100 as a caller would write it, unless told otherwise."""
    weights = {"heat": 1.0, "minutes": 2.0} if weights is None else weights
    terms = tuple(TermDraft(name, weight) for name, weight in weights.items())
    return ConstraintDraft(comparison, terms, threshold)


def a_draft(**fields: Any) -> ExperimentDraft:
    """Return a faultless experiment, of a double `heat` and an int `minutes`, as a caller would."""
    defaults: dict[str, Any] = {
        "name": "bread",
        "parameters": (a_parameter_draft("heat"), a_parameter_draft("minutes", "int")),
        "metrics": (MetricDraft("taste"),),
    }
    return ExperimentDraft(**{**defaults, **fields})
