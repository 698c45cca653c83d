"""Parameters, conditionals and linear constraints."""

from typing import assert_never

from nextpoint.v1 import search_space_pb2
from nextpoint_service.domain.conditionals import Condition, Conditional
from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.prior_rules import PriorDraft
from nextpoint_service.domain.search_space import (
    BetaPrior,
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    NumericParameter,
    Parameter,
    Prior,
)
from nextpoint_service.domain.unsaid import UNSAID
from nextpoint_service.transport.convert.values import value_from_proto, value_to_proto

_PARAMETER_TYPES = {
    search_space_pb2.PARAMETER_TYPE_DOUBLE: "double",
    search_space_pb2.PARAMETER_TYPE_INT: "int",
    search_space_pb2.PARAMETER_TYPE_CATEGORICAL: "categorical",
    search_space_pb2.PARAMETER_TYPE_BOOL: "bool",
}
_TRANSFORMATIONS = {
    search_space_pb2.PARAMETER_TRANSFORMATION_UNSPECIFIED: False,
    search_space_pb2.PARAMETER_TRANSFORMATION_LOG: True,
}
_COMPARISONS = {
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_GREATER_THAN: Comparison.GREATER_THAN,
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_LESS_THAN: Comparison.LESS_THAN,
    search_space_pb2.LINEAR_CONSTRAINT_TYPE_EQUAL: Comparison.EQUAL,
}
_COMPARISONS_OUT = {value: key for key, value in _COMPARISONS.items()}


def parameter_from_proto(message: search_space_pb2.Parameter) -> ParameterDraft:
    """Return the parameter as the caller wrote it."""
    bounds = None
    if message.HasField("bounds"):
        bounds = (
            message.bounds.min if message.bounds.HasField("min") else None,
            message.bounds.max if message.bounds.HasField("max") else None,
        )
    return ParameterDraft(
        name=message.name,
        type=_PARAMETER_TYPES.get(message.type),
        bounds=bounds,
        grid=tuple(message.grid),
        log=_TRANSFORMATIONS.get(message.transformation),
        categorical_values=tuple(message.categorical_values),
        ordered=message.ordered,
        prior=_prior_from_proto(message.prior) if message.HasField("prior") else None,
        default=(
            value_from_proto(message.default_value) if message.HasField("default_value") else UNSAID
        ),
        conditions=tuple(Condition(each.name, tuple(each.values)) for each in message.conditions),
    )


def parameter_to_proto(parameter: Parameter) -> search_space_pb2.Parameter:
    """Return the message of a parameter."""
    message = _typed_to_proto(parameter)
    if parameter.default is not None:
        message.default_value.CopyFrom(value_to_proto(parameter.default))
    for each in parameter.conditions:
        message.conditions.add(name=each.name, values=each.values)
    return message


def conditional_from_proto(message: search_space_pb2.Conditional) -> Conditional:
    """Return the conditional as the caller wrote it."""
    return Conditional(message.name, tuple(message.values))


def conditional_to_proto(conditional: Conditional) -> search_space_pb2.Conditional:
    """Return the message of a conditional."""
    return search_space_pb2.Conditional(name=conditional.name, values=conditional.values)


def constraint_from_proto(message: search_space_pb2.LinearConstraint) -> ConstraintDraft:
    """Return the linear constraint as the caller wrote it."""
    return ConstraintDraft(
        comparison=_COMPARISONS.get(message.type),
        terms=tuple(
            TermDraft(each.name, each.weight if each.HasField("weight") else None)
            for each in message.terms
        ),
        threshold=message.threshold if message.HasField("threshold") else None,
    )


def constraint_to_proto(constraint: LinearConstraint) -> search_space_pb2.LinearConstraint:
    """Return the message of a linear constraint."""
    return search_space_pb2.LinearConstraint(
        type=_COMPARISONS_OUT[constraint.comparison],
        terms=[
            search_space_pb2.LinearConstraintTerm(name=each.name, weight=each.weight)
            for each in constraint.terms
        ],
        threshold=constraint.threshold,
    )


def _prior_from_proto(message: search_space_pb2.ParameterPrior) -> PriorDraft:
    match message.WhichOneof("kind"):
        case "normal":
            return PriorDraft("normal", _numbers(message.normal, ("mean", "scale")))
        case "beta":
            return PriorDraft("beta", _numbers(message.beta, ("shape_a", "shape_b")))
        case None:
            return PriorDraft(None)


def _numbers(
    message: search_space_pb2.NormalPrior | search_space_pb2.BetaPrior, names: tuple[str, ...]
) -> dict[str, float | None]:
    present = {field.name: value for field, value in message.ListFields()}
    return {name: present.get(name) for name in names}


def _typed_to_proto(parameter: Parameter) -> search_space_pb2.Parameter:
    match parameter:
        case DoubleParameter(prior=prior):
            message = _numeric_to_proto(parameter, search_space_pb2.PARAMETER_TYPE_DOUBLE)
            if prior:
                message.prior.CopyFrom(_prior_to_proto(prior))
            return message
        case IntParameter():
            return _numeric_to_proto(parameter, search_space_pb2.PARAMETER_TYPE_INT)
        case CategoricalParameter(name=name, values=values, ordered=ordered):
            return search_space_pb2.Parameter(
                name=name,
                type=search_space_pb2.PARAMETER_TYPE_CATEGORICAL,
                categorical_values=values,
                ordered=ordered,
            )
        case BoolParameter(name=name):
            return search_space_pb2.Parameter(name=name, type=search_space_pb2.PARAMETER_TYPE_BOOL)
        case _:
            assert_never(parameter)


def _prior_to_proto(prior: Prior) -> search_space_pb2.ParameterPrior:
    match prior:
        case NormalPrior(mean, scale):
            normal = search_space_pb2.NormalPrior(mean=mean, scale=scale)
            return search_space_pb2.ParameterPrior(normal=normal)
        case BetaPrior(shape_a, shape_b):
            beta = search_space_pb2.BetaPrior(shape_a=shape_a, shape_b=shape_b)
            return search_space_pb2.ParameterPrior(beta=beta)
        case _:
            assert_never(prior)


def _numeric_to_proto(
    parameter: NumericParameter, kind: search_space_pb2.ParameterType.ValueType
) -> search_space_pb2.Parameter:
    return search_space_pb2.Parameter(
        name=parameter.name,
        type=kind,
        bounds=search_space_pb2.Bounds(min=parameter.low, max=parameter.high),
        grid=parameter.grid,
        transformation=(
            search_space_pb2.PARAMETER_TRANSFORMATION_LOG
            if parameter.log
            else search_space_pb2.PARAMETER_TRANSFORMATION_UNSPECIFIED
        ),
    )
