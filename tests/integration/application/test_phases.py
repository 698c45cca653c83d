"""Which phase made each point."""

import pytest

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import ExperimentType
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.suggestion import Generator


def phases(service):
    return [each.phase for each in service.optimizer.problems]


def start_and_model(start, model):
    return [Phase.SPACE_FILLING] * start + [Phase.MODEL] * model


@pytest.mark.parametrize(
    ("parameters", "changes", "length"),
    [
        (1, {}, 5),
        (3, {}, 6),
        (7, {}, 14),
        (30, {}, 20),
        (1, {"parallel_bandwidth": 4}, 5),
        (1, {"parallel_bandwidth": 9}, 9),
        (1, {"budget": 12}, 4),
        (7, {"budget": 12, "parallel_bandwidth": 10}, 4),
        (1, {"budget": 4}, 2),
    ],
)
async def test_an_optimized_experiment_starts_with_space_filling_points(
    service, parameters, changes, length
):
    space = tuple(
        ParameterDraft(f"p{index}", "double", bounds=(0.0, 1.0)) for index in range(parameters)
    )
    experiment = await service.define(parameters=space, **changes)

    await service.evaluate(experiment, min(length + 2, changes.get("budget", 100)))

    assert phases(service) == start_and_model(length, 2)


async def test_points_under_way_count_for_the_start(service):
    experiment = await service.define()

    asked = [await service.ask(experiment) for _ in range(6)]

    assert [each.provenance.generator for each in asked] == [Generator.SPACE_FILLING] * 6
    reasons = [each.provenance.fallback_reason for each in asked]
    assert reasons[:5] == [""] * 5
    assert reasons[5] == "a model needs 2 successful observations in the search space, there are 0"


async def test_observations_of_the_users_own_shorten_the_start(service):
    experiment = await service.define()
    for number in range(5):
        await service.report_own(experiment, x=number / 10)

    await service.ask(experiment)

    assert phases(service) == [Phase.MODEL]


async def test_without_two_successes_a_space_filling_point_stands_in_and_says_why(service):
    experiment = await service.define()
    for _ in range(7):
        await service.report(await service.ask(experiment), None)
    await service.report_own(experiment, x=0.5)

    suggestion = await service.ask(experiment)

    assert phases(service) == [Phase.SPACE_FILLING] * 8
    assert suggestion.provenance.fallback_reason == (
        "a model needs 2 successful observations in the search space, there are 1"
    )
    await service.report_own(experiment, x=0.25)
    assert (await service.ask(experiment)).provenance.generator is Generator.MODEL


async def test_what_lies_outside_by_now_is_not_enough_for_a_model(service):
    experiment = await service.define()
    await service.evaluate(experiment, 6)
    elsewhere = ParameterDraft("x", "double", bounds=(5.0, 6.0))
    await service.change(experiment, parameters=(elsewhere,))

    suggestion = await service.ask(experiment)

    assert suggestion.provenance.fallback_reason == (
        "a model needs 2 successful observations in the search space, there are 0"
    )
    for x in (5.0, 5.5):
        await service.report_own(experiment, x=x)
    assert (await service.ask(experiment)).provenance.generator is Generator.MODEL


async def test_a_random_experiment_never_asks_the_model(service):
    experiment = await service.define(type=ExperimentType.RANDOM)

    await service.evaluate(experiment, 10)

    assert set(phases(service)) == {Phase.RANDOM}


async def test_a_grid_never_asks_the_optimizer(service):
    experiment = await service.define_grid(3)

    for _ in range(3):
        await service.ask(experiment)

    assert phases(service) == []


async def test_the_sequence_of_a_start_goes_on_where_it_ended(service):
    experiment = await service.define(metrics=(MetricDraft("taste"),))

    await service.evaluate(experiment, 4)

    problems = service.optimizer.problems
    assert [each.index for each in problems] == [0, 1, 2, 3]
    assert len({each.seed for each in problems}) == 1
