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


async def best(api, experiment, **fields):
    request = pb.ListBestAssignmentsRequest(experiment_id=experiment.experiment_id, **fields)
    return (await api.analysis.ListBestAssignments(request)).best_assignments


async def test_the_best_by_the_model_come_with_what_it_expects(api):
    experiment = await api.define()
    for x, value in ((0.25, 1.0), (0.25, 9.0), (0.75, 6.0), (0.75, 7.0)):
        await api.report_own(experiment.experiment_id, x, value)

    (observed,) = await best(api, experiment)
    (expected,) = await best(api, experiment, ranking=pb.RANKING_MODEL)

    assert observed.observation.values[0].value == 9.0
    assert not observed.predictions
    assert expected.observation.values[0].value == 6.0
    assert (expected.predictions["m"].mean, expected.predictions["m"].stddev) == (6.5, 0.5)


async def test_the_best_by_a_model_of_one_observation_are_refused(api):
    experiment = await api.define()
    await api.report_own(experiment.experiment_id, 0.5)

    refused = await refusal(best(api, experiment, ranking=pb.RANKING_MODEL))

    assert refused.code is StatusCode.FAILED_PRECONDITION
    assert refused.reason == "TOO_FEW_OBSERVATIONS"


async def test_the_best_by_what_is_not_known_are_refused(api):
    experiment = await api.define()

    refused = await refusal(best(api, experiment, ranking=7))

    assert refused.fields == ["ranking"]
