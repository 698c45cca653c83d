"""From what a user writes to define an experiment, dicts or dataclasses, to the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

from nextpoint._conditionals import conditional_to_proto, conditions_to_proto
from nextpoint._enums import words_of
from nextpoint._fields import Fields, describe, is_text, raise_if_any
from nextpoint._metadata import metadata_to_proto
from nextpoint._outcome import parameter_value_to_proto
from nextpoint._search_space import (
    BetaPrior,
    Bool,
    Categorical,
    Double,
    Int,
    LinearConstraint,
    Metric,
    NormalPrior,
)
from nextpoint._tasks import task_to_proto
from nextpoint.errors import FieldViolation
from nextpoint.v1 import experiment_pb2, experiment_service_pb2, search_space_pb2

# What is accepted where an experiment is defined.
ParameterLike: TypeAlias = Double | Int | Categorical | Bool | Mapping[str, object]
MetricLike: TypeAlias = Metric | str | Mapping[str, object]
LinearConstraintLike: TypeAlias = LinearConstraint | Mapping[str, object]

EXPERIMENT_TYPES = {
    **words_of(experiment_pb2.ExperimentType),
    # SigOpt's word.
    "offline": experiment_pb2.EXPERIMENT_TYPE_OPTIMIZED,
}
ENGINES = words_of(experiment_pb2.ExperimentEngine)
PARAMETER_TYPES = words_of(search_space_pb2.ParameterType)
TRANSFORMATIONS = {
    **words_of(search_space_pb2.ParameterTransformation),
    # SigOpt's word.
    "none": search_space_pb2.PARAMETER_TRANSFORMATION_UNSPECIFIED,
}
OBJECTIVES = words_of(experiment_pb2.MetricObjective)
STRATEGIES = words_of(experiment_pb2.MetricStrategy)
CONSTRAINT_TYPES = {
    **words_of(search_space_pb2.LinearConstraintType),
    "<=": search_space_pb2.LINEAR_CONSTRAINT_TYPE_LESS_THAN,
    ">=": search_space_pb2.LINEAR_CONSTRAINT_TYPE_GREATER_THAN,
    "==": search_space_pb2.LINEAR_CONSTRAINT_TYPE_EQUAL,
}


def create_experiment_to_proto(
    definition: Mapping[str, object],
) -> experiment_service_pb2.CreateExperimentRequest:
    """Return the request, or raise InvalidArgumentError with everything that cannot be sent."""
    violations: list[FieldViolation] = []
    fields = Fields(definition, "", violations)
    parameters = fields.items("parameters")
    constraints = fields.items("linear_constraints")
    request = experiment_service_pb2.CreateExperimentRequest(
        name=fields.text("name") or "",
        project=fields.text("project") or "",
        type=fields.choice(
            "type", EXPERIMENT_TYPES, absent=experiment_pb2.EXPERIMENT_TYPE_UNSPECIFIED
        ),
        parameters=[_parameter(item, path, violations) for path, item in parameters],
        metrics=_metrics(fields, violations, named=Metric),
        linear_constraints=[_constraint(item, path, violations) for path, item in constraints],
        budget=fields.whole_number("budget"),
        parallel_bandwidth=fields.whole_number("parallel_bandwidth"),
        num_solutions=fields.whole_number("num_solutions"),
        engine=fields.choice(
            "engine", ENGINES, absent=experiment_pb2.EXPERIMENT_ENGINE_UNSPECIFIED
        ),
        conditionals=[
            conditional_to_proto(item, path, violations)
            for path, item in fields.items("conditionals")
        ],
        tasks=[task_to_proto(item, path, violations) for path, item in fields.items("tasks")],
        metadata=metadata_to_proto(fields),
        tags=fields.texts("tags"),
    )
    raise_if_any(violations, "the experiment")
    return request


def update_experiment_to_proto(
    experiment_id: str, changes: Mapping[str, object]
) -> experiment_service_pb2.UpdateExperimentRequest:
    """Return the request to change just these fields; None clears one."""
    violations: list[FieldViolation] = []
    fields = Fields(changes, "", violations)
    request = experiment_service_pb2.UpdateExperimentRequest(
        experiment_id=experiment_id,
        name=fields.text("name") or "",
        project=fields.text("project") or "",
        budget=fields.whole_number("budget"),
        parallel_bandwidth=fields.whole_number("parallel_bandwidth"),
        metadata=metadata_to_proto(fields),
        tags=fields.texts("tags"),
        # A name alone says nothing of an objective or a strategy, which stay.
        metrics=_metrics(fields, violations, named=lambda name: {"name": name}),
        parameters=[
            _parameter(item, path, violations) for path, item in fields.items("parameters")
        ],
        update_mask=FieldMask(paths=list(changes)),
    )
    raise_if_any(violations, "the change")
    return request


def _parameter(
    given: object, path: str, violations: list[FieldViolation]
) -> search_space_pb2.Parameter:
    fields = Fields(_parameter_as_mapping(given), path, violations)
    fields.allow(
        "name",
        "type",
        "bounds",
        "grid",
        "transformation",
        "categorical_values",
        "ordered",
        "prior",
        "default_value",
        "conditions",
    )
    message = search_space_pb2.Parameter(
        name=fields.text("name") or "",
        type=fields.choice(
            "type", PARAMETER_TYPES, absent=search_space_pb2.PARAMETER_TYPE_UNSPECIFIED
        ),
        grid=fields.numbers("grid"),
        transformation=fields.choice(
            "transformation",
            TRANSFORMATIONS,
            absent=search_space_pb2.PARAMETER_TRANSFORMATION_UNSPECIFIED,
        ),
        categorical_values=_categorical_values(fields, violations),
        ordered=fields.flag("ordered"),
        conditions=conditions_to_proto(fields),
    )
    if fields.get("bounds") is not None:
        bounds = fields.mapping("bounds")
        bounds.allow("min", "max")
        message.bounds.CopyFrom(
            search_space_pb2.Bounds(min=bounds.number("min"), max=bounds.number("max"))
        )
    if (prior := fields.get("prior")) is not None:
        message.prior.CopyFrom(_prior(prior, fields.path("prior"), violations))
    if fields.get("default_value") is not None:
        _set_default(message, fields)
    return message


def _set_default(message: search_space_pb2.Parameter, fields: Fields) -> None:
    default = fields.get("default_value")
    real = message.type == search_space_pb2.PARAMETER_TYPE_DOUBLE
    value = parameter_value_to_proto(default, real=real)
    if value is None:
        fields.refuse(
            "default_value", f"must be a number, a string, True or False, got {describe(default)}"
        )
    else:
        message.default_value.CopyFrom(value)


def _categorical_values(fields: Fields, violations: list[FieldViolation]) -> list[str]:
    """Return strings, or the names in dicts, as SigOpt has them."""
    texts = []
    for path, item in fields.items("categorical_values"):
        if isinstance(item, Mapping):
            value = Fields(item, path, violations)
            value.allow("name", "enum_index", "object")
            texts.append(value.text("name") or "")
        elif is_text(item):
            texts.append(item)
        else:
            violations.append(FieldViolation(path, f"must be a string, got {describe(item)}"))
    return texts


def _prior(
    given: object, path: str, violations: list[FieldViolation]
) -> search_space_pb2.ParameterPrior:
    match given:
        case NormalPrior():
            given = {"name": "normal", "mean": given.mean, "scale": given.scale}
        case BetaPrior():
            given = {"name": "beta", "shape_a": given.shape_a, "shape_b": given.shape_b}
    fields = Fields(given, path, violations)
    match fields.get("name"):
        case "normal":
            fields.allow("name", "mean", "scale")
            normal = search_space_pb2.NormalPrior(
                mean=fields.number("mean"), scale=fields.number("scale")
            )
            return search_space_pb2.ParameterPrior(normal=normal)
        case "beta":
            fields.allow("name", "shape_a", "shape_b")
            beta = search_space_pb2.BetaPrior(
                shape_a=fields.number("shape_a"), shape_b=fields.number("shape_b")
            )
            return search_space_pb2.ParameterPrior(beta=beta)
        case name if isinstance(given, Mapping):
            fields.refuse("name", f"must be one of normal, beta, got {describe(name)}")
    return search_space_pb2.ParameterPrior()


def _parameter_as_mapping(given: object) -> object:
    """Return a dataclass as the dict that says the same, and anything else as it is."""
    match given:
        case Double() | Int():
            bounds = {"min": given.min, "max": given.max}
            return {
                "name": given.name,
                "type": "double" if isinstance(given, Double) else "int",
                "bounds": None if given.min is None and given.max is None else bounds,
                "grid": given.grid,
                "transformation": "log" if given.log else None,
                "prior": given.prior if isinstance(given, Double) else None,
                "default_value": given.default_value,
                "conditions": given.conditions,
            }
        case Categorical():
            return {
                "name": given.name,
                "type": "categorical",
                "categorical_values": given.values,
                "ordered": given.ordered,
                "default_value": given.default_value,
                "conditions": given.conditions,
            }
        case Bool():
            return {
                "name": given.name,
                "type": "bool",
                "default_value": given.default_value,
                "conditions": given.conditions,
            }
        case _:
            return given


def _metrics(
    fields: Fields, violations: list[FieldViolation], *, named: Callable[[str], object]
) -> list[experiment_pb2.Metric]:
    """Return the metrics; of those that are just a name, what it stands for."""
    return [
        _metric(named(item) if isinstance(item, str) else item, path, violations)
        for path, item in fields.items("metrics")
    ]


def _metric(given: object, path: str, violations: list[FieldViolation]) -> experiment_pb2.Metric:
    if isinstance(given, Metric):
        given = {
            "name": given.name,
            "objective": given.objective,
            "strategy": given.strategy,
            "threshold": given.threshold,
        }
    fields = Fields(given, path, violations)
    fields.allow("name", "objective", "strategy", "threshold")
    return experiment_pb2.Metric(
        name=fields.text("name") or "",
        objective=fields.choice(
            "objective", OBJECTIVES, absent=experiment_pb2.METRIC_OBJECTIVE_UNSPECIFIED
        ),
        strategy=fields.choice(
            "strategy", STRATEGIES, absent=experiment_pb2.METRIC_STRATEGY_UNSPECIFIED
        ),
        threshold=fields.number("threshold"),
    )


def _constraint(
    given: object, path: str, violations: list[FieldViolation]
) -> search_space_pb2.LinearConstraint:
    if isinstance(given, LinearConstraint):
        weights = Fields({"weights": given.weights}, path, violations).named("weights")
        given = {
            "type": given.relation,
            "terms": [{"name": name, "weight": weight} for name, weight in weights.entries()],
            "threshold": given.threshold,
        }
    fields = Fields(given, path, violations)
    fields.allow("type", "terms", "threshold")
    return search_space_pb2.LinearConstraint(
        type=fields.choice(
            "type", CONSTRAINT_TYPES, absent=search_space_pb2.LINEAR_CONSTRAINT_TYPE_UNSPECIFIED
        ),
        terms=[_term(item, path, violations) for path, item in fields.items("terms")],
        threshold=fields.number("threshold"),
    )


def _term(
    given: object, path: str, violations: list[FieldViolation]
) -> search_space_pb2.LinearConstraintTerm:
    fields = Fields(given, path, violations)
    fields.allow("name", "weight")
    return search_space_pb2.LinearConstraintTerm(
        name=fields.text("name") or "", weight=fields.number("weight")
    )
