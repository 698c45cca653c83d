"""A problem as the domain of Nextpoint's service defines it."""

from nextpoint_service.domain.constraint_rules import ConstraintDraft, TermDraft
from nextpoint_service.domain.definition import ExperimentDraft
from nextpoint_service.domain.experiment import Objective, Strategy
from nextpoint_service.domain.linear_constraints import Comparison
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from problems import Parameter, Problem


def draft(problem: Problem, workers: int, **settings: object) -> ExperimentDraft:
    """Return the experiment; `settings` are further fields of it."""
    optimized = [MetricDraft(name, Objective.MINIMIZE) for name in problem.objectives]
    limited = [
        MetricDraft(name, Objective.MINIMIZE, Strategy.CONSTRAINT, limit)
        for name, limit in problem.limits.items()
    ]
    return ExperimentDraft(
        name=problem.name,
        parameters=tuple(_parameter(each) for each in problem.parameters),
        metrics=(*optimized, *limited),
        constraints=tuple(
            ConstraintDraft(
                Comparison.LESS_THAN,
                tuple(TermDraft(name, weight) for name, weight in row.weights.items()),
                row.bound,
            )
            for row in problem.linear
        ),
        budget=problem.budget,
        parallel_bandwidth=workers,
        **settings,
    )


def _parameter(parameter: Parameter) -> ParameterDraft:
    if parameter.kind in ("double", "int"):
        bounds = (parameter.low, parameter.high)
        return ParameterDraft(parameter.name, parameter.kind, bounds=bounds, log=parameter.log)
    return ParameterDraft(parameter.name, parameter.kind, categorical_values=parameter.values)
