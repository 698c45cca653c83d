"""The queue: what is in it can be taken out again until it is handed out."""

import pytest

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.domain.errors import ExperimentArchived, NotQueued, SuggestionNotFound


async def test_what_is_taken_out_of_the_queue_is_not_handed_out(service):
    experiment = await service.define()
    first, second = [await service.queue(experiment, x=x) for x in (0.25, 0.75)]

    await service.suggestions.delete(first.suggestion_id, NOT_REPEATED)

    assert (await service.progress(experiment)).queued_suggestions == 1
    assert (await service.ask(experiment)).suggestion_id == second.suggestion_id
    assert (await service.progress(experiment)).queued_suggestions == 0
    with pytest.raises(SuggestionNotFound):
        await service.suggestions.get(first.suggestion_id)
    with pytest.raises(SuggestionNotFound):
        await service.suggestions.delete(first.suggestion_id, NOT_REPEATED)


async def test_what_was_handed_out_is_not_taken_back(service):
    experiment = await service.define()
    await service.queue(experiment, x=0.5)
    held = await service.ask(experiment)

    async def refused():
        with pytest.raises(NotQueued) as error:
            await service.suggestions.delete(held.suggestion_id, NOT_REPEATED)
        return error.value.metadata["state"]

    states = [await refused()]
    await service.release(held)
    states.append(await refused())
    await service.report(held)
    states.append(await refused())

    assert states == ["leased", "waiting", "observed"]


async def test_a_cell_that_leaves_the_queue_comes_in_its_turn(service):
    experiment = await service.define_grid(3)
    queued = await service.queue(experiment, p0=1)
    asked = [await service.ask(experiment)]
    again = await service.queue(experiment, p0=2)

    await service.suggestions.delete(again.suggestion_id, NOT_REPEATED)

    assert (await service.progress(experiment)).cells_left == 2
    asked += [await service.ask(experiment) for _ in range(2)]
    assert [each.assignments["p0"] for each in asked] == [1, 0, 2]
    assert asked[0].suggestion_id == queued.suggestion_id


async def test_the_queue_of_an_archived_experiment_stays_as_it_is(service):
    experiment = await service.define()
    queued = await service.queue(experiment, x=0.5)
    await service.experiments.archive(experiment, NOT_REPEATED)

    with pytest.raises(ExperimentArchived):
        await service.suggestions.delete(queued.suggestion_id, NOT_REPEATED)
