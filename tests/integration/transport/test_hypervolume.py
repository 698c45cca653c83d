"""The hypervolume of a frontier, over the wire."""

from grpc import StatusCode
from tests.support.grpc_service import at, metric, refusal

from nextpoint.v1 import analysis_service_pb2, experiment_pb2, observation_service_pb2
from nextpoint_service.domain.limits import Limits


def a_metric(name, threshold=None, **fields):
    return experiment_pb2.Metric(name=name, threshold=threshold, **fields)


MINIMIZED = experiment_pb2.METRIC_OBJECTIVE_MINIMIZE
TWO_GOALS = [a_metric("gain", 1.0), a_metric("cost", 10.0, objective=MINIMIZED)]


async def two_goals(api, metrics=TWO_GOALS):
    return (await api.define(metrics=metrics, budget=10)).experiment_id


async def report(api, experiment_id, **values):
    await api.observations.CreateObservation(
        observation_service_pb2.CreateObservationRequest(
            experiment_id=experiment_id,
            assignments=at(0.5),
            values=[metric(value, name) for name, value in values.items()],
            failed=not values,
        )
    )


def hypervolume(api, experiment_id):
    request = analysis_service_pb2.GetHypervolumeRequest(experiment_id=experiment_id)
    return api.analysis.GetHypervolume(request)


async def test_it_is_what_the_frontier_gains_over_the_thresholds(api):
    experiment_id = await two_goals(api)
    await report(api, experiment_id, gain=3.0, cost=9.0)
    await report(api, experiment_id, gain=2.0, cost=7.0)

    found = await hypervolume(api, experiment_id)

    # Two by one and one by three, of which they share one by one.
    assert found.hypervolume == 4.0
    assert found.frontier_count == 2


async def test_who_failed_or_misses_a_threshold_adds_nothing(api):
    experiment_id = await two_goals(api)
    await report(api, experiment_id)
    await report(api, experiment_id, gain=9.0, cost=11.0)

    found = await hypervolume(api, experiment_id)

    assert (found.hypervolume, found.frontier_count) == (0.0, 0)


async def test_it_is_undefined_without_a_threshold_on_every_optimized_metric(api):
    experiment_id = await two_goals(api, [a_metric("gain", 1.0), a_metric("cost")])

    refused = await refusal(hypervolume(api, experiment_id))

    assert (refused.code, refused.reason) == (
        StatusCode.FAILED_PRECONDITION,
        "HYPERVOLUME_UNDEFINED",
    )
    assert (refused.metadata["optimized"], refused.metadata["thresholds"]) == ("2", "1")


async def test_it_is_undefined_for_one_metric_and_for_more_than_eight(api):
    one = (await api.define()).experiment_id
    nine = await two_goals(api, [a_metric(f"m{index}", 0.0) for index in range(9)])

    for experiment_id in (one, nine):
        refused = await refusal(hypervolume(api, experiment_id))
        assert refused.reason == "HYPERVOLUME_UNDEFINED"


async def test_one_that_takes_too_long_is_refused(serve):
    api = await serve(limits=Limits(hypervolume_seconds=-1.0))
    experiment_id = await two_goals(api)
    await report(api, experiment_id, gain=3.0, cost=9.0)

    refused = await refusal(hypervolume(api, experiment_id))

    assert (refused.code, refused.reason) == (
        StatusCode.RESOURCE_EXHAUSTED,
        "FRONTIER_TOO_LARGE",
    )
    assert refused.metadata["points"] == "1"


async def test_an_experiment_that_is_not_there_has_none(api):
    refused = await refusal(hypervolume(api, "exp_none"))

    assert refused.reason == "EXPERIMENT_NOT_FOUND"
