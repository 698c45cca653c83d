"""What was learned, as users read it."""

import grpc
import pytest
from tests.unit.client.conftest import Failure

import nextpoint
from nextpoint.v1 import analysis_service_pb2 as pb
from nextpoint.v1 import suggestion_pb2


def test_stopping_criteria_have_words_for_reasons(service, experiment):
    answer = pb.GetStoppingCriteriaResponse(
        should_stop=True,
        reasons=[pb.STOPPING_REASON_BUDGET_REACHED, pb.STOPPING_REASON_POSSIBLE_STAGNATION],
    )
    service.script("GetStoppingCriteria", answer)

    criteria = experiment.stopping_criteria()

    assert criteria == nextpoint.StoppingCriteria(
        should_stop=True, reasons=("budget_reached", "possible_stagnation")
    )
    assert service.requests("GetStoppingCriteria")[0].experiment_id == "exp_1"


def test_a_reason_of_a_newer_service_is_shown_as_unknown(service, experiment):
    answer = pb.GetStoppingCriteriaResponse(should_stop=True)
    answer.reasons.append(99)
    service.script("GetStoppingCriteria", answer)

    assert experiment.stopping_criteria().reasons == ("unknown",)


def test_best_practices_read_like_violations(service, experiment):
    violation = pb.BestPracticeViolation(field="budget", description="is small")
    service.script("GetBestPractices", pb.GetBestPracticesResponse(violations=[violation]))

    assert experiment.best_practices() == [nextpoint.FieldViolation("budget", "is small")]


def test_importances_are_dicts_of_dicts(service, experiment):
    entry = pb.MetricImportances(metric="loss", importances={"lr": 0.75, "depth": 0.25})
    answer = pb.GetMetricImportancesResponse(metric_importances=[entry])
    service.script("GetMetricImportances", answer)

    assert experiment.metric_importances() == {"loss": {"lr": 0.75, "depth": 0.25}}


def test_importances_of_too_few_observations_are_a_state_error(service, experiment):
    failure = Failure(grpc.StatusCode.FAILED_PRECONDITION, reason="TOO_FEW_OBSERVATIONS")
    service.script("GetMetricImportances", failure)

    with pytest.raises(nextpoint.StateError) as refused:
        experiment.metric_importances()

    assert refused.value.reason == "TOO_FEW_OBSERVATIONS"


def test_the_hypervolume_is_a_number(service, experiment):
    answer = pb.GetHypervolumeResponse(hypervolume=4.5, frontier_count=2)
    service.script("GetHypervolume", answer)

    assert experiment.hypervolume() == 4.5
    (request,) = service.requests("GetHypervolume")
    assert request.experiment_id == "exp_1"


def test_the_best_by_the_model_have_predictions(service, experiment):
    expected = suggestion_pb2.Prediction(mean=0.2, stddev=0.1)
    best = pb.BestAssignments(predictions={"loss": expected})
    service.script("ListBestAssignments", pb.ListBestAssignmentsResponse(best_assignments=[best]))

    (found,) = experiment.best_assignments(by="model")

    assert found.predictions == {"loss": nextpoint.Prediction(mean=0.2, stddev=0.1)}
    assert service.requests("ListBestAssignments")[0].ranking == pb.RANKING_MODEL


def test_the_best_by_an_unknown_word_are_refused_with_the_known_ones(service, experiment):
    with pytest.raises(nextpoint.InvalidArgumentError, match="observed, model") as refused:
        list(experiment.best_assignments(by="luck"))

    assert [each.field for each in refused.value.violations] == ["by"]
    assert not service.requests("ListBestAssignments")
