"""What was learned, and what is advised."""

from nextpoint.v1 import analysis_service_pb2 as pb
from nextpoint_service.application.analysis import Best, Ranking
from nextpoint_service.application.optimizer_port import Importances
from nextpoint_service.domain.errors import FieldViolation
from nextpoint_service.domain.stopping import StoppingReason
from nextpoint_service.domain.violations import Violations
from nextpoint_service.transport.convert.observations import observation_to_proto
from nextpoint_service.transport.convert.suggestions import predictions_to_proto

_REASONS_OUT = {
    StoppingReason.BUDGET_REACHED: pb.STOPPING_REASON_BUDGET_REACHED,
    StoppingReason.POSSIBLE_STAGNATION: pb.STOPPING_REASON_POSSIBLE_STAGNATION,
}


_RANKINGS = {
    pb.RANKING_UNSPECIFIED: Ranking.OBSERVED,
    pb.RANKING_OBSERVED: Ranking.OBSERVED,
    pb.RANKING_MODEL: Ranking.MODEL,
}


def ranking_from_proto(ranking: pb.Ranking.ValueType, violations: Violations) -> Ranking:
    """Return what decides; one that is not known is noted."""
    if ranking not in _RANKINGS:
        violations.add("ranking", "must be observed or model")
    return _RANKINGS.get(ranking, Ranking.OBSERVED)


def best_to_proto(best: Best) -> pb.BestAssignments:
    """Return the message of one of the best observations."""
    return pb.BestAssignments(
        observation=observation_to_proto(best.observation),
        predictions=predictions_to_proto(best.predictions),
    )


def stopping_to_proto(reasons: tuple[StoppingReason, ...]) -> pb.GetStoppingCriteriaResponse:
    """Return the message of the reasons to stop."""
    return pb.GetStoppingCriteriaResponse(
        should_stop=bool(reasons), reasons=[_REASONS_OUT[each] for each in reasons]
    )


def advice_to_proto(violations: tuple[FieldViolation, ...]) -> pb.GetBestPracticesResponse:
    """Return the message of what an experiment goes against."""
    return pb.GetBestPracticesResponse(
        violations=[
            pb.BestPracticeViolation(field=each.field, description=each.description)
            for each in violations
        ]
    )


def importances_to_proto(importances: Importances) -> pb.GetMetricImportancesResponse:
    """Return the message of what moves the metrics."""
    return pb.GetMetricImportancesResponse(
        metric_importances=[
            pb.MetricImportances(metric=metric, importances=shares)
            for metric, shares in importances.items()
        ]
    )
