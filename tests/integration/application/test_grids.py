"""Every cell of a grid, once."""

import asyncio
from contextlib import suppress

import pytest

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.domain.errors import GridExhausted, InvalidRequest
from nextpoint_service.domain.suggestion import Generator


def cell_of(suggestion):
    return tuple(suggestion.assignments[name] for name in sorted(suggestion.assignments))


async def rest_of(service, experiment):
    cells = []
    with suppress(GridExhausted):
        while True:
            cells.append(cell_of(await service.ask(experiment)))
    return cells


async def test_the_first_parameter_varies_fastest(service):
    experiment = await service.define_grid(2, 3)

    asked = [await service.ask(experiment) for _ in range(6)]

    assert [cell_of(each) for each in asked] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert {each.provenance.generator for each in asked} == {Generator.GRID}


async def test_workers_who_ask_at_once_get_every_cell_once(service):
    experiment = await service.define_grid(10, 10)

    asked = await asyncio.gather(
        *(service.ask(experiment, f"w{number}") for number in range(150)), return_exceptions=True
    )

    cells = [cell_of(each) for each in asked if not isinstance(each, Exception)]
    assert sorted(cells) == sorted({(x, y) for x in range(10) for y in range(10)})
    assert [type(each) for each in asked if isinstance(each, Exception)] == [GridExhausted] * 50


async def test_a_cell_with_an_observation_of_the_users_own_is_passed_over(service):
    experiment = await service.define_grid(4)
    await service.report_own(experiment, p0=0)
    await service.report_own(experiment, p0=2)

    assert await rest_of(service, experiment) == [(1,), (3,)]


async def test_a_cell_is_free_again_when_the_users_own_observation_of_it_is_deleted(service):
    experiment = await service.define_grid(3)
    own = await service.report_own(experiment, p0=0)
    assert await rest_of(service, experiment) == [(1,), (2,)]

    await service.observations.delete(own.observation_id, NOT_REPEATED)

    assert await rest_of(service, experiment) == [(0,)]


async def test_a_queued_cell_is_handed_out_once(service):
    experiment = await service.define_grid(3)
    await service.queue(experiment, p0=1)

    assert await rest_of(service, experiment) == [(1,), (0,), (2,)]


async def test_a_cell_that_is_taken_cannot_be_queued(service):
    experiment = await service.define_grid(3)
    await service.ask(experiment)
    await service.queue(experiment, p0=1)
    await service.report_own(experiment, p0=2)

    for taken in range(3):
        with pytest.raises(InvalidRequest):
            await service.queue(experiment, p0=taken)


async def test_cells_that_are_given_back_or_lost_come_again(service):
    experiment = await service.define_grid(3)
    given_back, lost, held = [await service.ask(experiment, f"w{n}") for n in range(3)]
    await service.release(given_back)
    await service.pass_time(61, (experiment, "w2"))

    assert await rest_of(service, experiment) == [cell_of(given_back), cell_of(lost)]
    assert (await service.suggestions.get(held.suggestion_id)).attempt == 1


async def test_a_grid_is_finished_when_every_cell_has_an_observation(service):
    experiment = await service.define_grid(2)
    first, second = [await service.ask(experiment) for _ in range(2)]
    await service.report(first)

    with pytest.raises(GridExhausted, match="1 of its suggestions held by 'oven'"):
        await service.ask(experiment)
    assert not (await service.progress(experiment)).finished
    await service.report(second, None)
    assert (await service.progress(experiment)).finished


async def test_a_second_outcome_of_a_cell_finishes_no_grid(service):
    experiment = await service.define_grid(2)
    first = await service.ask(experiment)
    await service.report(first)
    await service.report(first)

    assert not (await service.progress(experiment)).finished
    assert await rest_of(service, experiment) == [(1,)]


async def test_a_point_beside_the_grid_is_refused(service):
    experiment = await service.define_grid(2)

    with pytest.raises(InvalidRequest):
        await service.report_own(experiment, p0=5)
    with pytest.raises(InvalidRequest):
        await service.queue(experiment, p0=5)
