"""Experiments and their metrics."""

from nextpoint.v1 import experiment_pb2, experiment_service_pb2
from nextpoint_service.application.experiments import Detail
from nextpoint_service.application.ports import ExperimentFilter
from nextpoint_service.domain.definition import ExperimentChange, ExperimentDraft
from nextpoint_service.domain.experiment import (
    Engine,
    ExperimentState,
    ExperimentType,
    Metric,
    Objective,
    Progress,
    Strategy,
)
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metric_change import MetricChange
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.unsaid import UNSAID
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.convert.search_space import (
    conditional_from_proto,
    conditional_to_proto,
    constraint_from_proto,
    constraint_to_proto,
    parameter_from_proto,
    parameter_to_proto,
)
from nextpoint_service.transport.convert.tasks import task_draft_from_proto, task_to_proto
from nextpoint_service.transport.convert.values import (
    metadata_from_proto,
    metadata_to_proto,
    time_to_proto,
)
from nextpoint_service.transport.masks import fields_to_change

_TYPES = {
    experiment_pb2.EXPERIMENT_TYPE_UNSPECIFIED: ExperimentType.OPTIMIZED,
    experiment_pb2.EXPERIMENT_TYPE_OPTIMIZED: ExperimentType.OPTIMIZED,
    experiment_pb2.EXPERIMENT_TYPE_RANDOM: ExperimentType.RANDOM,
    experiment_pb2.EXPERIMENT_TYPE_GRID: ExperimentType.GRID,
}
_ENGINES = {
    experiment_pb2.EXPERIMENT_ENGINE_UNSPECIFIED: Engine.AUTO,
    experiment_pb2.EXPERIMENT_ENGINE_AUTO: Engine.AUTO,
    experiment_pb2.EXPERIMENT_ENGINE_AX: Engine.AX,
}
_STATES = {
    experiment_pb2.EXPERIMENT_STATE_ACTIVE: ExperimentState.ACTIVE,
    experiment_pb2.EXPERIMENT_STATE_ARCHIVED: ExperimentState.ARCHIVED,
}
_OBJECTIVES = {
    experiment_pb2.METRIC_OBJECTIVE_UNSPECIFIED: Objective.MAXIMIZE,
    experiment_pb2.METRIC_OBJECTIVE_MAXIMIZE: Objective.MAXIMIZE,
    experiment_pb2.METRIC_OBJECTIVE_MINIMIZE: Objective.MINIMIZE,
}
_STRATEGIES = {
    experiment_pb2.METRIC_STRATEGY_UNSPECIFIED: Strategy.OPTIMIZE,
    experiment_pb2.METRIC_STRATEGY_OPTIMIZE: Strategy.OPTIMIZE,
    experiment_pb2.METRIC_STRATEGY_CONSTRAINT: Strategy.CONSTRAINT,
    experiment_pb2.METRIC_STRATEGY_STORE: Strategy.STORE,
}
_TYPES_OUT = {value: key for key, value in _TYPES.items()}
_ENGINES_OUT = {value: key for key, value in _ENGINES.items()}
_STATES_OUT = {value: key for key, value in _STATES.items()}
_OBJECTIVES_OUT = {value: key for key, value in _OBJECTIVES.items()}
_STRATEGIES_OUT = {value: key for key, value in _STRATEGIES.items()}


def draft_from_proto(request: experiment_service_pb2.CreateExperimentRequest) -> ExperimentDraft:
    """Return the experiment as the caller wrote it."""
    return ExperimentDraft(
        name=request.name,
        project=request.project,
        type=_TYPES.get(request.type),
        parameters=tuple(parameter_from_proto(each) for each in request.parameters),
        metrics=tuple(_metric_from_proto(each) for each in request.metrics),
        constraints=tuple(constraint_from_proto(each) for each in request.linear_constraints),
        budget=request.budget if request.HasField("budget") else None,
        parallel_bandwidth=(
            request.parallel_bandwidth if request.HasField("parallel_bandwidth") else None
        ),
        num_solutions=request.num_solutions if request.HasField("num_solutions") else None,
        engine=_ENGINES.get(request.engine),
        conditionals=tuple(conditional_from_proto(each) for each in request.conditionals),
        tasks=tuple(task_draft_from_proto(each) for each in request.tasks),
        metadata=metadata_from_proto(request.metadata),
        tags=tuple(request.tags),
    )


def change_from_proto(request: experiment_service_pb2.UpdateExperimentRequest) -> ExperimentChange:
    """Return the new contents and which of them count."""
    return ExperimentChange(
        fields=fields_to_change(request, request.update_mask),
        name=request.name,
        project=request.project,
        budget=request.budget if request.HasField("budget") else None,
        parallel_bandwidth=(
            request.parallel_bandwidth if request.HasField("parallel_bandwidth") else None
        ),
        metadata=metadata_from_proto(request.metadata),
        tags=tuple(request.tags),
        metrics=tuple(_metric_change_from_proto(each) for each in request.metrics),
        parameters=tuple(parameter_from_proto(each) for each in request.parameters),
    )


def filter_from_proto(
    request: experiment_service_pb2.ListExperimentsRequest, limits: Limits, violations: Violations
) -> ExperimentFilter:
    """Return which experiments the caller asks for; without a state the active ones."""
    if request.state and request.state not in _STATES:
        violations.add("state", "is not known")
    if len(request.name_contains) > limits.name_characters:
        violations.add("name_contains", f"must have at most {limits.name_characters} characters")
    state = _STATES.get(request.state) if request.HasField("state") else ExperimentState.ACTIVE
    return ExperimentFilter(request.project, state, request.name_contains)


def experiment_to_proto(detail: Detail) -> experiment_pb2.Experiment:
    """Return the message of an experiment and its progress."""
    experiment = detail.experiment
    return experiment_pb2.Experiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        project=experiment.project,
        type=_TYPES_OUT[experiment.type],
        parameters=[parameter_to_proto(each) for each in experiment.space.parameters],
        metrics=[_metric_to_proto(each) for each in experiment.metrics],
        linear_constraints=[constraint_to_proto(each) for each in experiment.space.constraints],
        budget=experiment.budget,
        parallel_bandwidth=experiment.parallel_bandwidth,
        num_solutions=experiment.num_solutions,
        engine=_ENGINES_OUT[experiment.engine],
        conditionals=[conditional_to_proto(each) for each in experiment.space.conditionals],
        tasks=[task_to_proto(each) for each in experiment.tasks],
        metadata=metadata_to_proto(experiment.metadata),
        tags=experiment.tags,
        state=_STATES_OUT[experiment.state],
        progress=_progress_to_proto(detail.progress),
        create_time=time_to_proto(experiment.created),
        update_time=time_to_proto(experiment.updated),
    )


def _metric_from_proto(message: experiment_pb2.Metric) -> MetricDraft:
    return MetricDraft(
        name=message.name,
        objective=_OBJECTIVES.get(message.objective),
        strategy=_STRATEGIES.get(message.strategy),
        threshold=message.threshold if message.HasField("threshold") else None,
    )


def _metric_change_from_proto(message: experiment_pb2.Metric) -> MetricChange:
    return MetricChange(
        name=message.name,
        objective=_OBJECTIVES.get(message.objective) if message.objective else UNSAID,
        strategy=_STRATEGIES.get(message.strategy) if message.strategy else UNSAID,
        threshold=message.threshold if message.HasField("threshold") else None,
    )


def _metric_to_proto(metric: Metric) -> experiment_pb2.Metric:
    return experiment_pb2.Metric(
        name=metric.name,
        objective=_OBJECTIVES_OUT[metric.objective],
        strategy=_STRATEGIES_OUT[metric.strategy],
        threshold=metric.threshold,
    )


def _progress_to_proto(progress: Progress) -> experiment_pb2.Progress:
    return experiment_pb2.Progress(
        observation_count=progress.observations,
        failed_observation_count=progress.failed,
        open_suggestion_count=progress.open_suggestions,
        queued_suggestion_count=progress.queued_suggestions,
        active_run_count=progress.active_runs,
        remaining_budget=progress.remaining,
        finished=progress.finished,
        repeated_observation_count=progress.repeated,
        budget_consumed=float(progress.consumed),
        budget_left=None if progress.left is None else float(progress.left),
    )
