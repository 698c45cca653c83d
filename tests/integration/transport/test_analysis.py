"""What was learned, over the wire."""

from grpc import StatusCode
from tests.support.grpc_service import refusal

from nextpoint.v1 import analysis_service_pb2 as pb
from nextpoint.v1 import search_space_pb2


async def test_stopping_criteria_say_whether_and_why(api):
    experiment = await api.define(budget=1)
    request = pb.GetStoppingCriteriaRequest(experiment_id=experiment.experiment_id)
    before = await api.analysis.GetStoppingCriteria(request)
    await api.report_own(experiment.experiment_id, 0.5)

    after = await api.analysis.GetStoppingCriteria(request)

    assert before == pb.GetStoppingCriteriaResponse()
    assert after == pb.GetStoppingCriteriaResponse(
        should_stop=True, reasons=[pb.STOPPING_REASON_BUDGET_REACHED]
    )


async def test_best_practices_name_the_field(api):
    experiment = await api.define(budget=1)
    request = pb.GetBestPracticesRequest(experiment_id=experiment.experiment_id)
    before = await api.analysis.GetBestPractices(request)
    await api.report_own(experiment.experiment_id, 0.5)
    await api.report_own(experiment.experiment_id, 0.6)

    (violation,) = (await api.analysis.GetBestPractices(request)).violations

    assert not before.violations
    assert violation.field == "budget"
    assert "budget is 1 and 2 observations" in violation.description


async def test_importances_are_by_metric_and_parameter(api):
    experiment = await api.define()
    request = pb.GetMetricImportancesRequest(experiment_id=experiment.experiment_id)

    (found,) = (await api.analysis.GetMetricImportances(request)).metric_importances

    assert found == pb.MetricImportances(metric="m", importances={"x": 1.0})


async def test_importances_without_observations_are_refused(api):
    parameters = [
        search_space_pb2.Parameter(name=name, type=search_space_pb2.PARAMETER_TYPE_BOOL)
        for name in "ab"
    ]
    experiment = await api.define(parameters=parameters)
    request = pb.GetMetricImportancesRequest(experiment_id=experiment.experiment_id)

    refused = await refusal(api.analysis.GetMetricImportances(request))

    assert refused.code is StatusCode.FAILED_PRECONDITION
    assert refused.reason == "TOO_FEW_OBSERVATIONS"
    assert refused.metadata["needed"] == "10"
