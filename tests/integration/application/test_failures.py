"""Failed evaluations count, and come again only when somebody asks for it."""

import pytest

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.domain.errors import BudgetSpent
from nextpoint_service.domain.suggestion import SuggestionState


async def test_a_failed_evaluation_counts_against_the_budget(service):
    experiment = await service.define(budget=2)
    for _ in range(2):
        await service.report(await service.ask(experiment), None)

    with pytest.raises(BudgetSpent):
        await service.ask(experiment)
    assert (await service.progress(experiment)).finished


async def test_queueing_what_failed_asks_for_another_try_which_counts_too(service):
    experiment = await service.define(budget=3)
    failed = await service.ask(experiment)
    await service.report(failed, None)

    await service.queue(experiment, **failed.assignments)
    again = await service.ask(experiment)
    await service.report(again, 1.0)

    assert again.assignments == failed.assignments
    assert again.suggestion_id != failed.suggestion_id
    assert (await service.progress(experiment)).remaining == 1


@pytest.mark.parametrize("grid", [True, False])
async def test_deleting_a_failure_has_the_same_suggestion_tried_again(service, grid):
    experiment = await (service.define_grid(2) if grid else service.define(budget=2))
    failed = await service.ask(experiment)
    observation = await service.report(failed, None)

    await service.observations.delete(observation.observation_id, NOT_REPEATED)
    again = await service.ask(experiment)

    assert (again.suggestion_id, again.attempt) == (failed.suggestion_id, 2)
    assert again.state is SuggestionState.LEASED
    assert (await service.progress(experiment)).observations == 0
