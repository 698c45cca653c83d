"""A search space and metrics as JSON."""

from typing import Any, assert_never

from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.experiment import Metric, Objective, Strategy
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint, Term
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    Parameter,
    Prior,
    SearchSpace,
)
from nextpoint_service.store.values import from_json, to_json

_Json = dict[str, Any]
"""What JSON gives back; the functions of this module wrote it and know what it holds."""


def space_to_json(space: SearchSpace) -> str:
    """Return the space as JSON."""
    return to_json(
        {
            "parameters": [_from_parameter(each) for each in space.parameters],
            "constraints": [_from_constraint(each) for each in space.constraints],
            "conditionals": [_from_switch(each) for each in space.conditionals],
        }
    )


def space_from_json(text: str) -> SearchSpace:
    """Return what `space_to_json` was given."""
    space = from_json(text)
    return SearchSpace(
        tuple(_to_parameter(each) for each in space["parameters"]),
        tuple(_to_constraint(each) for each in space["constraints"]),
        # A file may be older than these.
        tuple(Conditional(*_to_switch(each)) for each in space.get("conditionals", ())),
    )


def metrics_to_json(metrics: tuple[Metric, ...]) -> str:
    """Return the metrics as JSON."""
    return to_json(
        [
            {
                "name": each.name,
                "objective": each.objective.value,
                "strategy": each.strategy.value,
                "threshold": each.threshold,
            }
            for each in metrics
        ]
    )


def metrics_from_json(text: str) -> tuple[Metric, ...]:
    """Return what `metrics_to_json` was given."""
    return tuple(
        Metric(
            each["name"],
            Objective(each["objective"]),
            Strategy(each["strategy"]),
            each["threshold"],
        )
        for each in from_json(text)
    )


def _from_parameter(parameter: Parameter) -> _Json:
    stored = _from_typed(parameter)
    if parameter.default is not None:
        stored["default"] = parameter.default
    if parameter.conditions:
        stored["conditions"] = [_from_switch(each) for each in parameter.conditions]
    return stored


def _from_typed(parameter: Parameter) -> _Json:
    match parameter:
        case DoubleParameter(prior=prior):
            stored = {"type": "double", **_from_numeric(parameter)}
            return {**stored, "prior": _from_prior(prior)} if prior else stored
        case IntParameter():
            return {"type": "int", **_from_numeric(parameter)}
        case CategoricalParameter(name, values, ordered):
            return {"type": "categorical", "name": name, "values": values, "ordered": ordered}
        case BoolParameter(name):
            return {"type": "bool", "name": name}
        case _:
            assert_never(parameter)


def _from_numeric(parameter: DoubleParameter | IntParameter) -> _Json:
    return {
        "name": parameter.name,
        "low": parameter.low,
        "high": parameter.high,
        "log": parameter.log,
        "grid": parameter.grid,
    }


def _to_parameter(stored: _Json) -> Parameter:
    default = stored.get("default")
    conditions = tuple(Condition(*_to_switch(each)) for each in stored.get("conditions", ()))
    match stored:
        case {"type": "double", "name": name, "low": low, "high": high, "log": log, "grid": grid}:
            prior = _to_prior(stored["prior"]) if "prior" in stored else None
            return DoubleParameter(name, low, high, log, tuple(grid), prior, default, conditions)
        case {"type": "int", "name": name, "low": low, "high": high, "log": log, "grid": grid}:
            return IntParameter(name, low, high, log, tuple(grid), default, conditions)
        case {"type": "categorical", "name": name, "values": values, "ordered": ordered}:
            return CategoricalParameter(name, tuple(values), ordered, default, conditions)
        case {"type": "bool", "name": name}:
            return BoolParameter(name, default, conditions)
        case _:
            raise ValueError(f"not a parameter: {stored}")


def _from_switch(switch: Conditional | Condition) -> _Json:
    return {"name": switch.name, "values": switch.values}


def _to_switch(stored: _Json) -> tuple[str, tuple[str, ...]]:
    return stored["name"], tuple(stored["values"])


def _from_prior(prior: Prior) -> _Json:
    match prior:
        case NormalPrior(mean, scale):
            return {"name": "normal", "mean": mean, "scale": scale}
        case BetaPrior(shape_a, shape_b):
            return {"name": "beta", "shape_a": shape_a, "shape_b": shape_b}
        case _:
            assert_never(prior)


def _to_prior(stored: _Json) -> Prior:
    match stored:
        case {"name": "normal", "mean": mean, "scale": scale}:
            return NormalPrior(mean, scale)
        case {"name": "beta", "shape_a": shape_a, "shape_b": shape_b}:
            return BetaPrior(shape_a, shape_b)
        case _:
            raise ValueError(f"not a prior: {stored}")


def _from_constraint(constraint: LinearConstraint) -> _Json:
    return {
        "comparison": constraint.comparison.value,
        "terms": [{"name": each.name, "weight": each.weight} for each in constraint.terms],
        "threshold": constraint.threshold,
    }


def _to_constraint(stored: _Json) -> LinearConstraint:
    return LinearConstraint(
        Comparison(stored["comparison"]),
        tuple(Term(each["name"], each["weight"]) for each in stored["terms"]),
        stored["threshold"],
    )
