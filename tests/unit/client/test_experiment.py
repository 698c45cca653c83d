import pytest
from tests.unit.client.conftest import (
    a_created_suggestion,
    a_get_experiment,
    a_run,
    a_suggestion,
    an_experiment,
)

import nextpoint
from nextpoint.v1 import (
    analysis_service_pb2,
    experiment_pb2,
    experiment_service_pb2,
    observation_pb2,
    observation_service_pb2,
    run_service_pb2,
    suggestion_pb2,
    suggestion_service_pb2,
)


def test_attributes_show_what_was_last_fetched(service, experiment):
    service.script("GetExperiment", a_get_experiment(budget=9, observation_count=2))

    before = experiment.progress.observation_count
    experiment.refresh()

    assert before == 0
    assert experiment.progress.observation_count == 2
    assert experiment.progress.budget == experiment.budget == 9
    assert experiment.metrics == (nextpoint.Metric("loss", objective="minimize"),)
    assert experiment.type == "optimized"
    assert experiment.state == "active"


def test_attributes_cannot_be_set(experiment):
    with pytest.raises(AttributeError):
        experiment.budget = 50


@pytest.mark.parametrize(
    ("progress", "finished"),
    [
        ({"budget": 3, "remaining_budget": 2}, False),
        ({"budget": 3, "remaining_budget": 0}, True),
        ({"finished": True}, True),
        ({}, False),
    ],
)
def test_it_is_finished_when_nothing_is_left_to_hand_out(service, experiment, progress, finished):
    service.script("GetExperiment", a_get_experiment(**progress))
    service.script("ListSuggestions", suggestion_service_pb2.ListSuggestionsResponse())

    assert experiment.is_finished() is finished


def test_it_is_not_finished_while_a_suggestion_waits_for_a_worker(service, experiment):
    service.script("GetExperiment", a_get_experiment(budget=3, remaining_budget=0))
    waiting = suggestion_service_pb2.ListSuggestionsResponse(suggestions=[a_suggestion()])
    service.script("ListSuggestions", waiting)

    assert not experiment.is_finished()
    (request,) = service.requests("ListSuggestions")
    assert request.state == suggestion_pb2.SUGGESTION_STATE_WAITING


def test_an_update_names_just_what_was_given(service, experiment):
    answer = experiment_service_pb2.UpdateExperimentResponse(experiment=an_experiment(budget=7))
    service.script("UpdateExperiment", answer)

    experiment.update(budget=7, project=None)

    (request,) = service.requests("UpdateExperiment")
    assert set(request.update_mask.paths) == {"budget", "project"}
    assert request.budget == 7
    assert experiment.budget == 7


def test_an_update_of_nothing_is_refused_in_the_words_of_the_client(service, experiment):
    with pytest.raises(nextpoint.InvalidArgumentError, match="give at least one of name, project"):
        experiment.update()
    with pytest.raises(nextpoint.InvalidArgumentError, match="give at least one of values, failed"):
        experiment.update_observation("obs_1")

    assert [name for name, _ in service.calls] == ["GetExperiment"]


def test_an_update_of_thresholds_sends_metrics_as_classes_and_as_dicts(service, experiment):
    answer = experiment_service_pb2.UpdateExperimentResponse(experiment=an_experiment())
    service.script("UpdateExperiment", answer)
    taste = nextpoint.Metric("taste", objective="minimize", threshold=2)

    experiment.update(metrics=[taste, {"name": "cost", "threshold": 1.5}])

    (request,) = service.requests("UpdateExperiment")
    assert list(request.update_mask.paths) == ["metrics"]
    first, second = request.metrics
    assert (first.objective, first.threshold) == (experiment_pb2.METRIC_OBJECTIVE_MINIMIZE, 2)
    assert second == experiment_pb2.Metric(name="cost", threshold=1.5)


def test_in_an_update_the_name_of_a_metric_says_nothing_else_of_it(service, experiment):
    answer = experiment_service_pb2.UpdateExperimentResponse(experiment=an_experiment())
    service.script("UpdateExperiment", answer)

    experiment.update(metrics=["cost"])

    (request,) = service.requests("UpdateExperiment")
    assert request.metrics == [experiment_pb2.Metric(name="cost")]


def test_an_update_of_parameters_sends_them_as_classes_and_as_dicts(service, experiment):
    answer = experiment_service_pb2.UpdateExperimentResponse(experiment=an_experiment())
    service.script("UpdateExperiment", answer)
    width = {"name": "width", "type": "int", "bounds": {"min": 1, "max": 9}, "default_value": 3}

    experiment.update(parameters=[nextpoint.Double("lr", 1e-4, 1.0, log=True), width])

    (request,) = service.requests("UpdateExperiment")
    assert list(request.update_mask.paths) == ["parameters"]
    first, second = request.parameters
    assert first.bounds.max == 1.0
    assert not first.HasField("default_value")
    assert second.default_value.int_value == 3


def test_archiving_and_back_changes_the_state(service, experiment):
    archived = an_experiment()
    archived.state = experiment_pb2.EXPERIMENT_STATE_ARCHIVED
    service.script(
        "ArchiveExperiment", experiment_service_pb2.ArchiveExperimentResponse(experiment=archived)
    )
    service.script(
        "UnarchiveExperiment",
        experiment_service_pb2.UnarchiveExperimentResponse(experiment=an_experiment()),
    )

    experiment.archive()
    state = experiment.state
    experiment.unarchive()

    assert state == "archived"
    assert experiment.state == "active"


def test_a_suggestion_is_a_mapping_with_its_provenance(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion())

    suggestion = experiment.create_suggestion()

    assert suggestion.id == "sug_1"
    assert suggestion.assignments == {"lr": 0.5, "depth": 3}
    assert suggestion.attempt == 1
    assert suggestion.state == "leased"
    assert suggestion.provenance.generator == "space_filling"
    assert suggestion.provenance.seed == 0
    assert suggestion.provenance.acquisition_value is None


def test_a_suggestion_can_be_given_back(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion(attempt=3))

    experiment.create_suggestion().release()

    (request,) = service.requests("ReleaseSuggestion")
    assert (request.suggestion_id, request.attempt) == ("sug_1", 3)


@pytest.mark.parametrize(
    "values",
    [
        {"loss": (0.5, 0.1)},
        [{"name": "loss", "value": 0.5, "value_stddev": 0.1}],
        (0.5, 0.1),
    ],
)
def test_values_mean_the_same_in_every_form(service, experiment, values):
    observation = experiment.create_observation(suggestion="sug_1", values=values)

    (request,) = service.requests("CreateObservation")
    expected = observation_pb2.MetricValue(name="loss", value=0.5, value_stddev=0.1)
    assert list(request.values) == [expected]
    assert observation.values == {"loss": 0.5}
    assert observation.stddevs == {"loss": 0.1}


@pytest.mark.parametrize("values", [{"loss": 0.0}, [{"name": "loss", "value": 0}], 0])
def test_a_value_alone_says_nothing_of_its_noise(service, experiment, values):
    experiment.create_observation(suggestion="sug_1", values=values)

    (value,) = service.requests("CreateObservation")[0].values
    assert value.HasField("value")
    assert not value.HasField("value_stddev")


def test_a_value_alone_is_refused_where_there_are_several_metrics(service, client):
    service.script("GetExperiment", a_get_experiment(metrics=("loss", "size")))
    experiment = client.get_experiment("exp_1")

    with pytest.raises(nextpoint.InvalidArgumentError, match="loss, size"):
        experiment.create_observation(suggestion="sug_1", values=0.5)


@pytest.mark.parametrize(
    ("outcome", "field"),
    [
        ({"values": {"loss": "low"}}, "values['loss']"),
        ({"values": {"loss": (1, "x")}}, "values['loss']"),
        ({"values": {"loss": None}}, "values['loss']"),
        ({"values": [{"metric": "loss"}]}, "values[0].metric"),
        ({"values": ["loss"]}, "values[0]"),
        ({"values": "low"}, "values"),
        ({"suggestion": 7}, "suggestion"),
        ({"assignments": {"lr": None}}, "assignments['lr']"),
        ({"failed": "yes"}, "failed"),
    ],
)
def test_an_outcome_that_cannot_be_sent_is_refused_with_its_path(
    service, experiment, outcome, field
):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.create_observation(**outcome)

    assert [violation.field for violation in refused.value.violations] == [field]
    assert service.requests("CreateObservation") == []


def test_a_failed_evaluation_has_no_values(service, experiment):
    observation = experiment.create_observation(suggestion="sug_1", failed=True)

    (request,) = service.requests("CreateObservation")
    assert request.failed
    assert observation.failed
    assert observation.values == {}


def test_a_whole_number_is_a_real_one_for_a_real_parameter(service, experiment):
    experiment.create_observation(assignments={"lr": 1, "depth": 2}, values=0)

    (request,) = service.requests("CreateObservation")
    assert request.assignments["lr"].double_value == 1.0
    assert request.assignments["depth"].int_value == 2


def test_assignments_of_a_suggestion_can_be_reported_again(service, experiment):
    service.script("CreateSuggestion", a_created_suggestion())
    suggestion = experiment.create_suggestion()

    observation = experiment.create_observation(assignments=suggestion.assignments, values=0)

    assert observation.assignments == suggestion.assignments
    assert observation.suggestion_id is None


def test_a_batch_takes_values_and_dicts(service, experiment):
    service.script(
        "BatchCreateObservations",
        observation_service_pb2.BatchCreateObservationsResponse(
            observations=[observation_pb2.Observation(observation_id="obs_1")]
        ),
    )

    made = experiment.create_observations(
        [
            nextpoint.NewObservation(suggestion="sug_1", values={"loss": 1}),
            {"assignments": {"lr": 0.1, "depth": 1}, "failed": True},
        ]
    )

    (request,) = service.requests("BatchCreateObservations")
    assert [each.failed for each in request.observations] == [False, True]
    assert [each.id for each in made] == ["obs_1"]


def test_a_violation_in_a_batch_says_where(experiment):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.create_observations([{"failed": True}, {"value": 1}])

    assert refused.value.violations[0].field == "observations[1].value"


def test_an_observation_is_changed_by_itself_or_by_its_id(service, experiment):
    answer = observation_service_pb2.UpdateObservationResponse()
    service.script("UpdateObservation", answer)
    observation = experiment.create_observation(suggestion="sug_1", failed=True)

    experiment.update_observation(observation, values={"loss": 2})
    experiment.update_observation("obs_9", metadata=None)

    first, second = service.requests("UpdateObservation")
    assert (first.observation_id, list(first.update_mask.paths)) == ("obs_1", ["values"])
    assert (second.observation_id, list(second.update_mask.paths)) == ("obs_9", ["metadata"])


def test_an_observation_is_deleted_by_its_id(service, experiment):
    service.script("DeleteObservation", observation_service_pb2.DeleteObservationResponse())

    experiment.delete_observation("obs_1")

    assert service.requests("DeleteObservation")[0].observation_id == "obs_1"


def test_assignments_of_ones_own_are_queued(service, experiment):
    answer = suggestion_service_pb2.QueueSuggestionResponse(suggestion=a_suggestion("sug_7"))
    service.script("QueueSuggestion", answer)

    suggestion = experiment.queue_suggestion({"lr": 0.25, "depth": 2})

    assert suggestion.id == "sug_7"
    assert service.requests("QueueSuggestion")[0].assignments["lr"].double_value == 0.25


def test_a_list_goes_over_every_page(service, experiment):
    kind = suggestion_service_pb2.ListSuggestionsResponse
    more = {"next_page_token": "more"}
    service.script(
        "ListSuggestions",
        kind(suggestions=[a_suggestion("sug_3"), a_suggestion("sug_2")], **more),
        kind(suggestions=[a_suggestion("sug_1")]),
    )

    found = [suggestion.id for suggestion in experiment.get_suggestions(state="leased")]

    assert found == ["sug_3", "sug_2", "sug_1"]
    assert [each.page_token for each in service.requests("ListSuggestions")] == ["", "more"]


def test_a_filter_by_an_unknown_state_is_refused(experiment):
    with pytest.raises(nextpoint.InvalidArgumentError, match="queued, leased"):
        list(experiment.get_suggestions(state="open"))


def test_experiments_are_found_by_project_state_and_name(service, client):
    answer = experiment_service_pb2.ListExperimentsResponse(experiments=[an_experiment()])
    service.script("ListExperiments", answer)

    found = client.list_experiments(project="p", state="archived", name_contains="for")

    assert [experiment.name for experiment in found] == ["forest"]
    (request,) = service.requests("ListExperiments")
    assert (request.project, request.name_contains) == ("p", "for")
    assert request.state == experiment_pb2.EXPERIMENT_STATE_ARCHIVED


def test_the_best_is_what_was_observed(service, experiment):
    best = analysis_service_pb2.BestAssignments(
        observation=observation_pb2.Observation(
            observation_id="obs_4",
            run_id="run_1",
            values=[observation_pb2.MetricValue(name="loss", value=0.1)],
        )
    )
    answer = analysis_service_pb2.ListBestAssignmentsResponse(best_assignments=[best])
    service.script("ListBestAssignments", answer)
    service.script("GetRun", run_service_pb2.GetRunResponse(run=a_run()))

    assert [each.values for each in experiment.best_assignments()] == [{"loss": 0.1}]
    assert [run.id for run in experiment.get_best_runs()] == ["run_1"]


def test_what_is_shown_helps(experiment):
    assert repr(experiment) == (
        "Experiment(id='exp_1', name='forest', state='active', observations=0)"
    )
