"""Who is woken when something happened."""

import pytest

from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.domain.errors import ShuttingDown, TooManyStreams, WorkerReplaced


class Ears:
    """The streams of w1 and w2 on one experiment and of w1 on another."""

    def __init__(self, service, experiment, other):
        self.mine = service.events.subscribe(experiment, "w1")
        self.colleague = service.events.subscribe(experiment, "w2")
        self.stranger = service.events.subscribe(other, "w1")

    def woken(self):
        return [each.begin_look() for each in (self.mine, self.colleague, self.stranger)]


@pytest.fixture
async def experiment(service):
    return await service.define(budget=3)


@pytest.fixture
async def ears(service, experiment):
    return Ears(service, experiment, await service.define())


async def settled(service):
    """Let the events of what was acknowledged be told."""
    await service.settle()


async def test_an_outcome_wakes_the_worker_who_held_the_suggestion(service, experiment, ears):
    suggestion = await service.ask(experiment, "w2")
    await service.report(suggestion)
    await settled(service)

    assert ears.woken() == [False, True, False]
    assert ears.woken() == [False, False, False]


async def test_a_run_that_ends_wakes_its_worker(service, experiment, ears):
    run = await service.open_run(experiment, "w1")
    await service.runs.fail(run.run_id, NOT_REPEATED)
    await settled(service)

    assert ears.woken() == [True, False, False]


async def test_an_outcome_of_the_users_own_wakes_nobody(service, experiment, ears):
    await service.report_own(experiment, x=0.5)
    await settled(service)

    assert ears.woken() == [False, False, False]


async def test_the_last_outcome_wakes_everyone_of_the_experiment(service, experiment, ears):
    await service.evaluate(experiment, 3)
    await settled(service)

    assert ears.woken() == [True, True, False]


@pytest.mark.parametrize(
    "happen",
    [
        lambda service, _, held: service.release(held),
        lambda service, *_: service.pass_time(61),
        lambda service, experiment, _: service.change(experiment, budget=9),
        lambda service, experiment, _: service.experiments.archive(experiment, NOT_REPEATED),
        lambda service, experiment, _: service.experiments.unarchive(experiment, NOT_REPEATED),
    ],
    ids=["a release", "an expiry", "a budget", "archiving", "unarchiving"],
)
async def test_what_opens_or_ends_work_wakes_everyone_of_the_experiment(
    service, experiment, ears, happen
):
    held = await service.ask(experiment, "somebody")

    await happen(service, experiment, held)
    await settled(service)

    assert ears.woken() == [True, True, False]


async def test_a_deleted_outcome_wakes_everyone_of_the_experiment(service, experiment, ears):
    made = await service.report_own(experiment, x=0.5)

    await service.observations.delete(made.observation_id, NOT_REPEATED)
    await settled(service)

    assert ears.woken() == [True, True, False]


async def test_a_refused_change_wakes_nobody(service, experiment, ears):
    await service.experiments.archive(experiment, NOT_REPEATED)
    await settled(service)
    ears.woken()

    with pytest.raises(Exception, match="archived"):
        await service.queue(experiment, x=0.5)
    await settled(service)

    assert ears.woken() == [False, False, False]


async def test_a_second_stream_of_a_worker_replaces_the_first(service, experiment, ears):
    second = service.events.subscribe(experiment, "w1")

    with pytest.raises(WorkerReplaced):
        ears.mine.begin_look()
    assert not second.begin_look()
    # The older one ends later, and must not take the newer with it.
    service.events.unsubscribe(experiment, "w1", ears.mine)
    assert (experiment, "w1") in service.events.connected()


async def test_streams_are_limited_and_a_replacement_needs_no_room(service, experiment, ears):
    with pytest.raises(TooManyStreams):
        service.events.subscribe(experiment, "w3")

    service.events.subscribe(experiment, "w1")
    service.events.unsubscribe(experiment, "w2", ears.colleague)
    service.events.subscribe(experiment, "w3")


async def test_a_service_that_goes_away_ends_every_stream_and_refuses_new_ones(
    service, experiment, ears
):
    service.events.close()

    for each in (ears.mine, ears.colleague, ears.stranger):
        with pytest.raises(ShuttingDown):
            each.begin_look()
    with pytest.raises(ShuttingDown):
        service.events.subscribe(experiment, "w3")
