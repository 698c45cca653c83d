"""How many suggestions a worker holds that has a stream."""

import pytest
from tests.support.controlled_optimizer import ControlledOptimizer

from nextpoint.v1 import suggestion_service_pb2


@pytest.mark.parametrize(("wanted", "held"), [(0, 1), (1, 1), (3, 3)])
async def test_a_worker_holds_no_more_than_it_wants(serve, wanted, held):
    api = await serve(heartbeat_seconds=0.1)
    experiment = (await api.define()).experiment_id
    stream = await api.opened(experiment, "w1", max_outstanding=wanted)

    for _ in range(held):
        suggestion = await stream.assigned()
    assert await stream.next() == ("heartbeat", suggestion_service_pb2.StreamHeartbeat())

    await api.report(suggestion)
    await stream.assigned()
    assert (await api.get(experiment)).progress.open_suggestion_count == held


async def test_what_a_worker_has_room_for_is_made_together(serve):
    optimizer = ControlledOptimizer()
    api = await serve(optimizer)
    stream = await api.opened((await api.define()).experiment_id, max_outstanding=4)

    counts = []
    while sum(counts) < 4:
        thought = await optimizer.next_thought()
        counts.append(thought.problem.count)
        thought.answer()

    # The first may have been begun before the others were asked for.
    assert len(counts) <= 2
    assert len({(await stream.assigned()).suggestion_id for _ in range(4)}) == 4


async def test_a_stream_takes_the_largest_wish_and_the_longest_name(api):
    stream = await api.opened(
        (await api.define(budget=3)).experiment_id, "ö" * 100, max_outstanding=1000
    )

    sent = [await stream.assigned() for _ in range(3)]

    assert {each.lease.worker_id for each in sent} == {"ö" * 100}
    assert len({each.suggestion_id for each in sent}) == 3
