"""How long a stream waits for points, and that it waits no longer than it lives."""

import asyncio
from contextlib import aclosing

import pytest
from tests.support.controlled_optimizer import ControlledOptimizer
from tests.support.thinking import (
    NOTHING_FOR,
    an_experiment_with_a_stale_point,
    begin,
    ends,
    thought,
)

from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.transport.suggestion_stream import StreamSettings, SuggestionStreams


def a_stream(service, experiment, *, max_outstanding=1, max_wait=None):
    settings = StreamSettings(heartbeat_seconds=3600, lease_seconds=60)
    ask = Ask(experiment, "w1", max_wait_seconds=max_wait, most_held=max_outstanding)
    return aclosing(SuggestionStreams(service.suggestions, service.events, settings).events(ask))


async def starts_to_wait(events):
    """Return the next event to come, which does not come at once."""
    coming = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([coming], timeout=NOTHING_FOR)
    assert not done
    return coming


async def suggestion_of(service, coming):
    (event,) = await ends(coming)
    return await service.suggestions.get(event.assigned.suggestion.suggestion_id)


async def test_who_does_not_wait_takes_a_stale_point(thinking):
    """By default the stream would wait: the fresh point is expected in a tenth of an evaluation."""
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)
    thinking.clock.advance(15)

    async with a_stream(thinking, experiment, max_wait=0.0) as events:
        await anext(events)
        suggestion = await suggestion_of(thinking, anext(events))

    assert suggestion.provenance.observation_count == 6
    remaking.answer()


@pytest.mark.parametrize("max_outstanding", [1, 2])
async def test_who_waits_gets_fresh_points_alone(thinking, max_outstanding):
    """By default they would be stale, for a fresh one takes a fifth of an evaluation."""
    experiment, remaking = await an_experiment_with_a_stale_point(thinking)
    wishes = {"max_outstanding": max_outstanding, "max_wait": 3600.0}

    async with a_stream(thinking, experiment, **wishes) as events:
        await anext(events)
        coming = await starts_to_wait(events)
        remaking.answer()
        first = await suggestion_of(thinking, coming)

    assert first.provenance.observation_count == 7


async def test_a_stream_that_ends_waits_no_more(start):
    service = await start(ControlledOptimizer(), waiting_limit=1)
    experiment, other = await service.define(), await service.define()

    async with a_stream(service, experiment, max_wait=3600.0) as events:
        await anext(events)
        coming = await starts_to_wait(events)
        making = await service.optimizer.next_thought()
        await service.experiments.archive(experiment, NOT_REPEATED)
        (closed,) = await ends(coming)

    assert closed.HasField("closed")
    # The one place for a call that waits is free again.
    asked = begin(service.ask(other))
    done, _ = await asyncio.wait([asked], timeout=NOTHING_FOR)
    assert not done
    making.answer()
    await thought(service)
    await ends(asked)


async def test_a_stream_asks_once_for_each_place_whatever_happens_meanwhile(start):
    service = await start(ControlledOptimizer(), waiting_limit=1)
    experiment = await service.define()

    async with a_stream(service, experiment, max_wait=3600.0) as events:
        await anext(events)
        coming = await starts_to_wait(events)
        making = await service.optimizer.next_thought()
        await service.change(experiment, budget=30)
        await asyncio.wait([coming], timeout=NOTHING_FOR)
        making.answer()
        (event,) = await ends(coming)

    # A second call would have been one too many.
    assert event.HasField("assigned")
