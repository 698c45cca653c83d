"""Tasks, as the user writes and reads them."""

import pytest
from tests.unit.client.conftest import (
    a_get_experiment,
    a_run,
    a_suggestion,
    closed,
    opened,
)

import nextpoint
from nextpoint.v1 import (
    experiment_pb2,
    experiment_service_pb2,
    observation_service_pb2,
    run_service_pb2,
    suggestion_service_pb2,
    task_pb2,
)

TENTH = task_pb2.Task(name="tenth", cost=0.1)
TASKS = [task_pb2.Task(name="full", cost=1.0), TENTH]


def with_tasks(**progress):
    """Answer GetExperiment with an experiment that has tasks and a budget of 9."""
    answer = a_get_experiment()
    answer.experiment.tasks.extend(TASKS)
    answer.experiment.budget = 9
    answer.experiment.progress.MergeFrom(experiment_pb2.Progress(**progress))
    return answer


@pytest.fixture
def experiment(service, client):
    service.script("GetExperiment", with_tasks(budget_consumed=2.3, budget_left=5.7))
    return client.get_experiment("exp_1")


def of_a_tenth(suggestion_id="sug_1"):
    suggestion = a_suggestion(suggestion_id)
    suggestion.task.CopyFrom(TENTH)
    return suggestion


def test_a_task_means_the_same_as_a_dict_and_as_a_value(service, client):
    answer = experiment_service_pb2.CreateExperimentResponse(
        experiment=a_get_experiment().experiment
    )
    service.script("CreateExperiment", answer)

    client.create_experiment(
        name="bread",
        parameters=[nextpoint.Double("x", 0, 1)],
        metrics=["taste"],
        budget=9,
        tasks=[{"name": "full", "cost": 1.0}, nextpoint.Task("tenth", 0.1)],
    )

    assert list(service.requests("CreateExperiment")[0].tasks) == TASKS


def test_a_task_that_cannot_be_sent_is_refused_with_its_path(client):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        client.create_experiment(
            name="bread",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=["taste"],
            tasks=[{"name": "full", "cost": "much"}, {"name": "tenth", "price": 0.1}],
        )

    assert [each.field for each in refused.value.violations] == ["tasks[0].cost", "tasks[1].price"]


def test_an_experiment_shows_its_tasks_and_what_they_cost(experiment):
    assert experiment.tasks == (nextpoint.Task("full", 1.0), nextpoint.Task("tenth", 0.1))
    assert experiment.progress.budget_consumed == 2.3
    assert experiment.progress.budget_left == 5.7


def test_an_older_service_says_what_is_consumed_by_its_counts(service, client):
    older = a_get_experiment(budget=9, observation_count=4, remaining_budget=3)
    older.experiment.progress.repeated_observation_count = 1
    service.script("GetExperiment", older)

    progress = client.get_experiment("exp_1").progress

    assert (progress.budget_consumed, progress.budget_left) == (3, 3)


@pytest.mark.parametrize(("left", "finished"), [(0.1, False), (0.05, True), (0.0, True)])
def test_it_is_finished_when_not_even_the_cheapest_fits(service, experiment, left, finished):
    service.script("GetExperiment", with_tasks(budget_left=left))
    service.script("ListSuggestions", suggestion_service_pb2.ListSuggestionsResponse())

    assert experiment.is_finished() is finished


def test_a_suggestion_and_a_run_say_their_task(service, experiment):
    answer = suggestion_service_pb2.CreateSuggestionResponse(suggestion=of_a_tenth())
    service.script("CreateSuggestion", answer)
    run = a_run()
    run.task.CopyFrom(TENTH)
    service.script("CreateRun", run_service_pb2.CreateRunResponse(run=run))

    suggestion, opened_run = experiment.create_suggestion(), experiment.create_run()

    assert (suggestion.task.name, suggestion.task.cost) == ("tenth", 0.1)
    assert opened_run.task == suggestion.task


def test_without_tasks_there_is_none(service, experiment):
    answer = suggestion_service_pb2.CreateSuggestionResponse(suggestion=a_suggestion())
    service.script("CreateSuggestion", answer)

    assert experiment.create_suggestion().task is None


@pytest.mark.parametrize("task", ["tenth", {"name": "tenth"}, nextpoint.Task("tenth", 0.1)])
def test_a_task_is_named_in_any_form(service, experiment, task):
    answer = suggestion_service_pb2.QueueSuggestionResponse(suggestion=of_a_tenth())
    service.script("QueueSuggestion", answer)
    point = {"lr": 0.25, "depth": 2}

    experiment.create_observation(assignments=point, values=1.0, task=task)
    experiment.queue_suggestion(point, task=task)

    assert service.requests("CreateObservation")[0].task == "tenth"
    assert service.requests("QueueSuggestion")[0].task == "tenth"


def test_several_observations_name_their_tasks(service, experiment):
    service.script(
        "BatchCreateObservations", observation_service_pb2.BatchCreateObservationsResponse()
    )
    point = {"lr": 0.25, "depth": 2}

    experiment.create_observations(
        [
            nextpoint.NewObservation(assignments=point, values=1.0, task="full"),
            {"assignments": point, "values": 2.0, "task": "tenth"},
        ]
    )

    sent = service.requests("BatchCreateObservations")[0].observations
    assert [each.task for each in sent] == ["full", "tenth"]


def test_a_task_of_no_form_is_refused(experiment):
    with pytest.raises(nextpoint.InvalidArgumentError, match="task"):
        experiment.create_observation(assignments={"lr": 0.25, "depth": 2}, values=1.0, task=0.1)


def test_a_function_to_optimize_takes_the_task_as_well(service, experiment):
    event = suggestion_service_pb2.SuggestionAssigned(suggestion=of_a_tenth())
    assigned = suggestion_service_pb2.StreamSuggestionsResponse(assigned=event)
    service.script("StreamSuggestions", [opened(), assigned, closed()])

    experiment.optimize(lambda params, task: params.lr * task.cost)

    assert service.requests("CreateObservation")[0].values[0].value == 0.05


def test_a_table_has_a_column_for_the_task(service, experiment):
    service.script(
        "BatchCreateObservations", observation_service_pb2.BatchCreateObservationsResponse()
    )
    row = {"lr": 0.25, "depth": 2, "loss": 1.0}

    experiment.import_observations([row | {"task": "tenth"}])

    assert service.requests("BatchCreateObservations")[0].observations[0].task == "tenth"
    with pytest.raises(nextpoint.InvalidArgumentError, match="'task'"):
        experiment.import_observations([row])
