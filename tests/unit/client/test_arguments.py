"""What cannot be sent is refused with its path, before anything is sent."""

import math

import pytest

import nextpoint
from nextpoint.v1 import observation_service_pb2

# Half a pair, as Python makes it of a file name that is no UTF-8.
LONE = "a\ud800"

DEFINITION = {"name": "forest", "parameters": [nextpoint.Double("lr", 0, 1)], "metrics": ["loss"]}

TEXTS = {
    "name": lambda client, bad: client.create_experiment(**{**DEFINITION, "name": bad}),
    "project": lambda client, bad: client.create_experiment(**DEFINITION, project=bad),
    "tags[0]": lambda client, bad: client.create_experiment(**DEFINITION, tags=[bad]),
    "parameters[0].name": lambda client, bad: client.create_experiment(
        **{**DEFINITION, "parameters": [nextpoint.Double(bad, 0, 1)]}
    ),
    "parameters[0].categorical_values[1]": lambda client, bad: client.create_experiment(
        **{**DEFINITION, "parameters": [nextpoint.Categorical("size", ["small", bad])]}
    ),
    "metrics[0].name": lambda client, bad: client.create_experiment(
        **{**DEFINITION, "metrics": [{"name": bad}]}
    ),
    "experiment_id": lambda client, bad: client.get_experiment(bad),
    "run_id": lambda client, bad: client.get_run(bad),
    "name_contains": lambda client, bad: next(client.list_experiments(name_contains=bad)),
    "state": lambda client, bad: next(client.list_experiments(state=bad)),
}

OF_AN_EXPERIMENT = {
    "worker_id": lambda experiment, bad: experiment.create_suggestion(worker_id=bad),
    "worker_id of a run": lambda experiment, bad: experiment.create_run(worker_id=bad),
    "worker_id of a stream": lambda experiment, bad: next(experiment.suggestions(worker_id=bad)),
    "name of a run": lambda experiment, bad: experiment.create_run(name=bad),
    "suggestion": lambda experiment, bad: experiment.create_observation(suggestion=bad, values=1),
    "suggestion to delete": lambda experiment, bad: experiment.delete_suggestion(bad),
    "observation": lambda experiment, bad: experiment.update_observation(bad, values=1),
    "observation to delete": lambda experiment, bad: experiment.delete_observation(bad),
    "lease_duration": lambda experiment, bad: experiment.create_suggestion(lease_duration=bad),
    "max_wait": lambda experiment, bad: experiment.create_run(max_wait=bad),
    "max_outstanding": lambda experiment, bad: next(experiment.suggestions(max_outstanding=bad)),
    "state of runs": lambda experiment, bad: next(experiment.get_runs(state=bad)),
}

KEYS_AND_VALUES = {
    "metadata['a\\ud800']": lambda experiment: experiment.create_run(metadata={LONE: 1}),
    "metadata['host']": lambda experiment: experiment.create_run(metadata={"host": LONE}),
    "assignments['a\\ud800']": lambda experiment: experiment.queue_suggestion({LONE: 1}),
    "assignments['lr']": lambda experiment: experiment.queue_suggestion({"lr": LONE}),
    "values['a\\ud800']": lambda experiment: experiment.create_observation(
        suggestion="sug_1", values={LONE: 1}
    ),
    "column 'a\\ud800'": lambda experiment: experiment.import_observations(
        [{"lr": 0.5, "depth": 1, "loss": 1, LONE: 1}], metadata_columns=[LONE]
    ),
    "observations": lambda experiment: experiment.create_observations(5),
}

SPANS = {
    "lease_duration": lambda experiment, bad: experiment.create_run(lease_duration=bad),
    "max_wait": lambda experiment, bad: experiment.create_suggestion(max_wait=bad),
    "max_wait of a stream": lambda experiment, bad: next(experiment.suggestions(max_wait=bad)),
}

COUNTS = {
    "workers": lambda experiment, bad: experiment.optimize(dict, workers=bad),
    "max_consecutive_failures": lambda experiment, bad: experiment.optimize(
        dict, max_consecutive_failures=bad
    ),
    "max_outstanding": lambda experiment, bad: next(experiment.suggestions(max_outstanding=bad)),
}


def refused_field(call, *arguments):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        call(*arguments)
    # It can be printed, whatever the console takes.
    assert str(refused.value).encode()
    (violation,) = refused.value.violations
    return violation.field


@pytest.mark.parametrize("bad", [LONE, 5, [], b"x"], ids=repr)
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_that_cannot_be_sent_is_refused_by_its_path(client, service, field, bad):
    assert refused_field(TEXTS[field], client, bad) == field
    assert service.calls == []


@pytest.mark.parametrize("bad", [LONE, [], b"x"], ids=repr)
@pytest.mark.parametrize("what", OF_AN_EXPERIMENT)
def test_an_argument_that_cannot_be_sent_is_refused_by_its_name(experiment, service, what, bad):
    assert refused_field(OF_AN_EXPERIMENT[what], experiment, bad) == what.split(" ")[0]
    assert [name for name, _ in service.calls] == ["GetExperiment"]


@pytest.mark.parametrize("path", KEYS_AND_VALUES)
def test_a_key_or_a_value_that_cannot_be_sent_is_refused_by_its_path(experiment, service, path):
    assert refused_field(KEYS_AND_VALUES[path], experiment) == path
    assert [name for name, _ in service.calls] == ["GetExperiment"]


def test_a_cell_that_cannot_be_sent_is_refused_by_its_row_and_column(experiment, service):
    service.script(
        "BatchCreateObservations", observation_service_pb2.BatchCreateObservationsResponse()
    )
    row = {"lr": 0.5, "depth": 1, "loss": 1, "host": LONE}

    field = refused_field(lambda: experiment.import_observations([row], metadata_columns=["host"]))

    assert field == "row 0, column 'host'"
    assert [each.validate_only for each in service.requests("BatchCreateObservations")] == [True]


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e300], ids=repr)
@pytest.mark.parametrize("what", SPANS)
def test_a_span_is_a_number_of_seconds(experiment, what, bad):
    assert refused_field(SPANS[what], experiment, bad) == what.split(" ")[0]


@pytest.mark.parametrize("method", ["create_suggestion", "create_run"])
def test_a_lease_cannot_be_left_out(experiment, service, method):
    call = getattr(experiment, method)

    assert refused_field(lambda: call(lease_duration=None)) == "lease_duration"
    assert [name for name, _ in service.calls] == ["GetExperiment"]


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2"], ids=repr)
@pytest.mark.parametrize("field", COUNTS)
def test_a_count_is_a_whole_number_from_1_on(experiment, service, field, bad):
    assert refused_field(COUNTS[field], experiment, bad) == field
    assert [name for name, _ in service.calls] == ["GetExperiment"]


def test_a_lone_surrogate_is_called_by_its_name(client):
    with pytest.raises(nextpoint.InvalidArgumentError, match="lone surrogate"):
        client.get_experiment(LONE)
