"""Asks what was learned, and what is advised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._enums import word_from_enum
from nextpoint._records import StoppingCriteria
from nextpoint.errors import FieldViolation
from nextpoint.v1 import analysis_service_pb2

if TYPE_CHECKING:
    from nextpoint.aio._connection import Connection


async def fetch_stopping_criteria(connection: Connection, experiment_id: str) -> StoppingCriteria:
    """Return whether it is time to stop."""
    request = analysis_service_pb2.GetStoppingCriteriaRequest(experiment_id=experiment_id)
    response = await connection.call(connection.analysis.GetStoppingCriteria, request)
    reasons = response.reasons
    return StoppingCriteria(
        should_stop=response.should_stop,
        reasons=tuple(
            word_from_enum(analysis_service_pb2.StoppingReason, each) for each in reasons
        ),
    )


async def fetch_best_practices(connection: Connection, experiment_id: str) -> list[FieldViolation]:
    """Return which advice the experiment goes against."""
    request = analysis_service_pb2.GetBestPracticesRequest(experiment_id=experiment_id)
    response = await connection.call(connection.analysis.GetBestPractices, request)
    return [FieldViolation(each.field, each.description) for each in response.violations]


async def fetch_importances(
    connection: Connection, experiment_id: str
) -> dict[str, dict[str, float]]:
    """Return which parameters move which metrics."""
    request = analysis_service_pb2.GetMetricImportancesRequest(experiment_id=experiment_id)
    response = await connection.call(connection.analysis.GetMetricImportances, request)
    return {each.metric: dict(each.importances) for each in response.metric_importances}


async def fetch_hypervolume(connection: Connection, experiment_id: str) -> float:
    """Return the volume between the Pareto frontier and the thresholds."""
    request = analysis_service_pb2.GetHypervolumeRequest(experiment_id=experiment_id)
    response = await connection.call(connection.analysis.GetHypervolume, request)
    return response.hypervolume
