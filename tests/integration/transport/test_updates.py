"""Which fields an update changes."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tests.support.grpc_service import at, metric, refusal

from nextpoint.v1 import (
    analysis_service_pb2,
    experiment_pb2,
    observation_pb2,
    observation_service_pb2,
    search_space_pb2,
)

NOTES = {"flour": experiment_pb2.MetadataValue(string_value="rye")}
FULL = {
    "name": "bread",
    "project": "bakery",
    "budget": 10,
    "parallel_bandwidth": 3,
    "metadata": NOTES,
    "tags": ["sour"],
}


def fields(experiment):
    return {
        name: getattr(experiment, name)
        for name in FULL
        if name not in ("budget", "parallel_bandwidth") or experiment.HasField(name)
    }


@pytest.fixture
async def experiment(api):
    return await api.define(**FULL)


async def test_without_a_mask_what_is_set_is_changed(api, experiment):
    changed = await api.change(experiment.experiment_id, name="rolls", budget=5)

    assert fields(changed) == fields(experiment) | {"name": "rolls", "budget": 5}
    assert changed.update_time.ToNanoseconds() > experiment.update_time.ToNanoseconds()
    assert changed.create_time == experiment.create_time


async def test_with_a_mask_only_what_it_names_is_changed(api, experiment):
    changed = await api.change(
        experiment.experiment_id,
        name="rolls",
        budget=5,
        tags=["sweet"],
        update_mask=FieldMask(paths=["tags", "budget"]),
    )

    assert fields(changed) == fields(experiment) | {"budget": 5, "tags": ["sweet"]}


async def test_what_the_mask_names_and_the_request_lacks_is_cleared(api, experiment):
    mask = FieldMask(paths=["project", "budget", "parallel_bandwidth", "metadata", "tags"])

    changed = await api.change(experiment.experiment_id, update_mask=mask)

    assert fields(changed) == {"name": "bread", "project": "", "metadata": {}, "tags": []}


async def test_a_name_cannot_be_cleared(api, experiment):
    mask = FieldMask(paths=["name"])

    refused = await refusal(api.change(experiment.experiment_id, update_mask=mask))

    assert refused.fields == ["name"]


async def test_a_budget_that_is_needed_cannot_be_cleared(api):
    metrics = [experiment_pb2.Metric(name="m"), experiment_pb2.Metric(name="n")]
    experiment = await api.define(budget=5, metrics=metrics)
    mask = FieldMask(paths=["budget"])

    refused = await refusal(api.change(experiment.experiment_id, update_mask=mask))

    assert refused.fields == ["budget"]


@pytest.mark.parametrize(
    "path",
    [
        "type",
        "linear_constraints",
        "state",
        "experiment_id",
        "update_mask",
        "nothing",
        "tags.0",
        "",
    ],
)
async def test_a_path_that_cannot_be_changed_is_refused(api, experiment, path):
    mask = FieldMask(paths=["name", path])

    refused = await refusal(api.change(experiment.experiment_id, name="rolls", update_mask=mask))

    assert refused.fields == ["update_mask"]
    assert await api.get(experiment.experiment_id) == experiment


async def test_an_update_of_nothing_is_refused(api, experiment):
    assert (await refusal(api.change(experiment.experiment_id))).fields == ["update_mask"]


async def test_the_budget_of_a_grid_cannot_be_changed(api):
    grid = await api.define_grid(3)

    assert (await refusal(api.change(grid.experiment_id, budget=2))).fields == ["budget"]


async def test_thresholds_decide_what_is_best_from_then_on(api):
    cost = experiment_pb2.Metric(
        name="cost",
        objective=experiment_pb2.METRIC_OBJECTIVE_MINIMIZE,
        strategy=experiment_pb2.METRIC_STRATEGY_CONSTRAINT,
        threshold=3,
    )
    taste = experiment_pb2.Metric(name="taste")
    experiment = await api.define(budget=5, metrics=[taste, cost])
    await report_both(api, experiment, 0.5, taste=1.0, cost=1.0)
    await report_both(api, experiment, 0.6, taste=2.0, cost=2.0)
    assert await best_taste(api, experiment) == 2.0

    changed = await api.change(
        experiment.experiment_id, metrics=[experiment_pb2.Metric(name="cost", threshold=1), taste]
    )

    cost.threshold = 1
    assert [each.name for each in changed.metrics] == ["taste", "cost"]
    assert changed.metrics[1] == cost
    assert await best_taste(api, experiment) == 1.0


async def report_both(api, experiment, x, **values):
    await api.observations.CreateObservation(
        observation_service_pb2.CreateObservationRequest(
            experiment_id=experiment.experiment_id,
            assignments=at(x),
            values=[
                observation_pb2.MetricValue(name=name, value=value)
                for name, value in values.items()
            ],
        )
    )


async def best_taste(api, experiment):
    request = analysis_service_pb2.ListBestAssignmentsRequest(
        experiment_id=experiment.experiment_id
    )
    (best,) = (await api.analysis.ListBestAssignments(request)).best_assignments
    return next(each.value for each in best.observation.values if each.name == "taste")


async def test_what_else_of_a_metric_differs_is_refused_with_its_path(api, experiment):
    metrics = [
        experiment_pb2.Metric(
            name="m",
            objective=experiment_pb2.METRIC_OBJECTIVE_MINIMIZE,
            strategy=99,
        ),
        experiment_pb2.Metric(name="n"),
    ]

    refused = await refusal(api.change(experiment.experiment_id, metrics=metrics))

    assert refused.fields == ["metrics[0].objective", "metrics[0].strategy", "metrics[1].name"]
    assert await api.get(experiment.experiment_id) == experiment


def a_double(name, low, high, **fields):
    return search_space_pb2.Parameter(
        name=name,
        type=search_space_pb2.PARAMETER_TYPE_DOUBLE,
        bounds=search_space_pb2.Bounds(min=low, max=high),
        **fields,
    )


async def test_a_stream_gets_nothing_but_points_of_the_new_space_from_then_on(api):
    experiment = await api.define()
    stream = await api.opened(experiment.experiment_id, max_outstanding=3)
    held = [await stream.assigned() for _ in range(3)]
    await api.queue(experiment.experiment_id, 0.5)
    default = search_space_pb2.ParameterValue(double_value=7)
    parameters = [a_double("x", 5, 6), a_double("y", 7, 8, default_value=default)]

    changed = await api.change(experiment.experiment_id, parameters=parameters)
    for each in held:
        await api.report(each)
    assigned = [await stream.assigned() for _ in range(3)]

    assert list(changed.parameters) == parameters
    assert changed.progress.queued_suggestion_count == 0
    for each in assigned:
        assert 5 <= each.assignments["x"].double_value <= 6
        assert 7 <= each.assignments["y"].double_value <= 8


async def test_what_is_wrong_with_parameters_is_refused_with_its_path(api, experiment):
    parameters = [
        a_double("x", 0, 1, transformation=search_space_pb2.PARAMETER_TRANSFORMATION_LOG),
        a_double("y", 0, 1),
        a_double("z", 0, 1, default_value=search_space_pb2.ParameterValue()),
    ]

    refused = await refusal(api.change(experiment.experiment_id, parameters=parameters))

    assert sorted(refused.fields) == [
        "parameters[0].bounds.min",
        "parameters[0].transformation",
        "parameters[1].default_value",
        "parameters[2].default_value",
    ]
    assert await api.get(experiment.experiment_id) == experiment


async def test_parameters_are_written_as_they_are_read(api):
    gridded = search_space_pb2.Parameter(
        name="g", type=search_space_pb2.PARAMETER_TYPE_INT, grid=[1, 2, 5]
    )
    experiment = await api.define(parameters=[a_double("x", 0, 1), gridded])

    changed = await api.change(experiment.experiment_id, parameters=experiment.parameters)

    assert changed.parameters == experiment.parameters


async def test_parameters_cannot_be_cleared(api, experiment):
    mask = FieldMask(paths=["parameters"])

    refused = await refusal(api.change(experiment.experiment_id, update_mask=mask))

    assert refused.fields == ["parameters"]


@pytest.fixture
async def observation(api, experiment):
    return await api.report_own(experiment.experiment_id, 0.5, 1.0)


async def correct(api, observation, **changes):
    request = observation_service_pb2.UpdateObservationRequest(
        observation_id=observation.observation_id, **changes
    )
    return (await api.observations.UpdateObservation(request)).observation


async def test_values_are_replaced(api, observation):
    changed = await correct(api, observation, values=[metric(2)])

    assert [each.value for each in changed.values] == [2]
    assert changed.update_time.ToNanoseconds() > observation.update_time.ToNanoseconds()


async def test_an_observation_that_is_set_to_failed_loses_its_values(api, observation):
    changed = await correct(api, observation, failed=True)

    assert changed.failed
    assert not changed.values
    progress = (await api.get(observation.experiment_id)).progress
    assert (progress.observation_count, progress.failed_observation_count) == (1, 1)


async def test_values_make_a_failed_observation_one_that_succeeded(api, observation):
    await correct(api, observation, failed=True)

    changed = await correct(api, observation, values=[metric(3)])

    assert (changed.failed, changed.values[0].value) == (False, 3)


async def test_a_failed_observation_does_not_succeed_without_values(api, observation):
    await correct(api, observation, failed=True)
    mask = FieldMask(paths=["failed"])

    refused = await refusal(correct(api, observation, update_mask=mask))

    assert refused.fields == ["values"]


async def test_notes_are_replaced_and_cleared(api, observation):
    assert (await correct(api, observation, metadata=NOTES)).metadata == NOTES
    mask = FieldMask(paths=["metadata"])
    assert (await correct(api, observation, update_mask=mask)).metadata == {}


async def test_failing_with_values_is_refused(api, observation):
    refused = await refusal(correct(api, observation, failed=True, values=[metric(1)]))

    assert refused.fields == ["values"]


@pytest.mark.parametrize("path", ["assignments", "observation_id", "values.0", ""])
async def test_a_path_of_an_observation_that_cannot_be_changed_is_refused(api, observation, path):
    mask = FieldMask(paths=["metadata", path])

    assert (await refusal(correct(api, observation, update_mask=mask))).fields == ["update_mask"]
    assert (await refusal(correct(api, observation))).fields == ["update_mask"]
