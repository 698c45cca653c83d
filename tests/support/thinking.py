"""A service whose optimizer answers when the test says so, up to where points are a model's."""

import asyncio

SECONDS = 10
NOTHING_FOR = 0.05
"""Long enough for whatever was started to show, as a rule."""
SURELY_NOTHING_FOR = 3.0
"""Long enough on a busy machine as well."""


def begin(coroutine):
    return asyncio.create_task(coroutine)


async def asks(service, experiment, count, **wishes):
    """Start calls, and return once all of them wait for a point."""
    calls = [begin(service.ask(experiment, f"w{number}", **wishes)) for number in range(count)]
    await service.settle()
    return calls


async def ends(*tasks):
    return await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)


async def thought(service, *, answer=True, seconds=0.0):
    """Return the next question, which took so long to answer."""
    found = await service.optimizer.next_thought()
    if answer:
        service.clock.advance(seconds)
        found.answer()
    return found


async def is_quiet(service):
    """Whether the optimizer is asked nothing for a while."""
    try:
        await asyncio.wait_for(service.optimizer.next_thought(), NOTHING_FOR)
    except TimeoutError:
        return True
    return False


async def thinks_on(service, seconds):
    """Have the optimizer answer, after so long each time, until it is asked nothing more."""
    for _ in range(10):
        try:
            found = await asyncio.wait_for(service.optimizer.next_thought(), SURELY_NOTHING_FOR)
        except TimeoutError:
            return
        service.clock.advance(seconds)
        found.answer()
    raise AssertionError("the optimizer is asked without end")


async def in_the_model_phase(service, seconds=0.0, *, model=0.0, **changes):
    """Return an experiment with six evaluations, each of which took so long, as did the model."""
    experiment = await service.define(**changes)
    for _ in range(5):
        await service.report(await _evaluated(service, experiment, seconds, model, waits=3600))
    sixth = await _evaluated(service, experiment, seconds, model, waits=None)
    if seconds / 10 < model < seconds:
        # Too slow to be waited for by default, and quick enough: while the sixth is evaluated a
        # point is made ahead. It is asked for before the outcome comes, which it does not know.
        ahead = await thought(service, answer=False)
        assert len(ahead.problem.observations) == 5
        await service.report(sixth)
        service.clock.advance(model)
        ahead.answer()
    else:
        await service.report(sixth)
    return experiment


async def _evaluated(service, experiment, seconds, model, *, waits):
    """Return a suggestion for which the model took so long, and its evaluation."""
    asked = begin(service.ask(experiment, max_wait_seconds=waits))
    await thought(service, seconds=model)
    (suggestion,) = await ends(asked)
    service.clock.advance(seconds)
    return suggestion


async def with_a_slow_model(service, **changes):
    """Return an experiment whose evaluations take five times as long as the model."""
    return await in_the_model_phase(service, seconds=100, model=20, **changes)


async def an_experiment_with_a_stale_point(service):
    """Return an experiment with a point that knows six of seven observations, and its remaking."""
    experiment = await with_a_slow_model(service)
    await thought(service)
    assert await is_quiet(service)
    await service.report_own(experiment, x=0.5)
    return experiment, await thought(service, answer=False)
