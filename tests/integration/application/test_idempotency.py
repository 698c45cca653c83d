"""Changes are made once for each request id."""

import asyncio
from datetime import timedelta

import pytest

from nextpoint_service.application.hand_outs import Ask
from nextpoint_service.application.idempotency import NOT_REPEATED, Call
from nextpoint_service.application.ports import ExperimentFilter, Page
from nextpoint_service.application.runs import NewRun
from nextpoint_service.application.suggestions import HandOut
from nextpoint_service.domain.correction import ObservationChange
from nextpoint_service.domain.definition import ExperimentChange
from nextpoint_service.domain.errors import (
    BudgetSpent,
    NextpointServiceError,
    ObservationNotFound,
    RequestIdReused,
)
from nextpoint_service.domain.report import ObservationDraft, ValueDraft

TASTE = (ValueDraft("taste", 1.0),)
PAGE = Page(100)


class Stage:
    """An experiment with one of everything, and every call that changes something."""

    def __init__(self, service, experiment, suggestion, run, *, queued, observation):
        self.service = service
        self.queued = queued
        self.experiment = experiment
        self.suggestion = suggestion
        self.run = run
        self.observation = observation

    @classmethod
    async def set(cls, service):
        experiment = await service.define()
        suggestion = await service.ask(experiment)
        run = await service.open_run(experiment)
        await service.runs.log(run.run_id, TASTE, NOT_REPEATED)
        observation = await service.report_own(experiment, x=0.5)
        queued = await service.queue(experiment, x=0.75)
        return cls(service, experiment, suggestion, run, queued=queued, observation=observation)

    def create_experiment(self, call):
        return self.service.define(call)

    def update_experiment(self, call):
        change = ExperimentChange(frozenset({"name"}), name="rolls")
        return self.service.experiments.update(self.experiment, change, call)

    def archive_experiment(self, call):
        return self.service.experiments.archive(self.experiment, call)

    def unarchive_experiment(self, call):
        return self.service.experiments.unarchive(self.experiment, call)

    def create_suggestion(self, call):
        return self.service.suggestions.create(Ask(self.experiment), call)

    def queue_suggestion(self, call):
        return self.service.queue(self.experiment, call, x=0.25)

    def delete_suggestion(self, call):
        return self.service.suggestions.delete(self.queued.suggestion_id, call)

    def release_suggestion(self, call):
        held = HandOut(self.suggestion.suggestion_id, 1)
        return self.service.suggestions.release(held, call)

    def create_observation(self, call):
        return self.service.report(self.suggestion, 1.0, call)

    def create_observations(self, call):
        drafts = [ObservationDraft(assignments={"x": x}, values=TASTE) for x in (0.1, 0.2)]
        return self.service.observations.create_batch(self.experiment, drafts, call)

    def update_observation(self, call):
        change = ObservationChange(frozenset({"failed"}), failed=True)
        return self.service.observations.update(self.observation.observation_id, change, call)

    def delete_observation(self, call):
        return self.service.observations.delete(self.observation.observation_id, call)

    def create_run(self, call):
        return self.service.runs.create(NewRun(Ask(self.experiment)), call)

    def log_metrics(self, call):
        return self.service.runs.log(self.run.run_id, TASTE, call)

    def complete_run(self, call):
        return self.service.runs.complete(self.run.run_id, call)

    def fail_run(self, call):
        return self.service.runs.fail(self.run.run_id, call)

    async def state(self):
        """Everything that a change could change."""
        service = self.service
        return (
            await service.experiments.list(ExperimentFilter(), PAGE),
            await service.suggestions.list(self.experiment, None, PAGE),
            await service.observations.list(self.experiment, PAGE),
            await service.runs.list(self.experiment, None, PAGE),
        )


@pytest.fixture
async def stage(service):
    return await Stage.set(service)


CHANGES = [name for name, value in vars(Stage).items() if name not in ("set", "state", "__init__")]
CHANGES = [name for name in CHANGES if callable(vars(Stage)[name])]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_made_once_for_a_request_id(stage, change):
    call = Call(change, "r1", b"fields")
    first = await getattr(stage, change)(call)
    state = await stage.state()
    stage.service.clock.advance(5)

    again = await getattr(stage, change)(call)

    assert again == first
    assert await stage.state() == state


@pytest.mark.parametrize("change", CHANGES)
async def test_a_request_id_serves_one_call_with_one_content(stage, change):
    await getattr(stage, change)(Call(change, "r1", b"fields"))
    state = await stage.state()

    with pytest.raises(RequestIdReused):
        await getattr(stage, change)(Call(change, "r1", b"other fields"))
    with pytest.raises(RequestIdReused):
        await getattr(stage, change)(Call("another method", "r1", b"fields"))
    assert await stage.state() == state


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_without_a_request_id_is_made_again_or_refused(stage, change):
    await getattr(stage, change)(NOT_REPEATED)
    before = await stage.state()
    stage.service.clock.advance(5)

    try:
        await getattr(stage, change)(NOT_REPEATED)
    except NextpointServiceError:
        assert await stage.state() == before
    else:
        # What is the same twice over: the state of an experiment, and values logged again.
        same = change in ("archive_experiment", "unarchive_experiment", "log_metrics")
        assert same or await stage.state() != before


async def test_a_refused_call_leaves_its_request_id_unused(service):
    experiment = await service.define(budget=1)
    held = await service.ask(experiment)
    call = Call("CreateSuggestion", "r1", b"")

    with pytest.raises(BudgetSpent):
        await service.ask(experiment, call=call)
    await service.release(held)

    assert (await service.ask(experiment, call=call)).attempt == 2


async def test_a_call_that_is_repeated_while_the_first_is_under_way_gets_the_same(thinking):
    experiment = await thinking.define()
    call = Call("CreateSuggestion", "r1", b"")
    calls = [asyncio.create_task(thinking.ask(experiment, call=call)) for _ in range(3)]

    async def answer_all():
        while True:
            (await thinking.optimizer.next_thought()).answer()

    answering = asyncio.create_task(answer_all())
    first, *others = await asyncio.wait_for(asyncio.gather(*calls), 10)
    answering.cancel()
    assert others == [first, first]
    assert (await thinking.progress(experiment)).open_suggestions == 1


async def test_a_repeated_call_answers_with_the_thing_as_it_is_now(service):
    experiment = await service.define()
    call = Call("CreateSuggestion", "r1", b"")
    suggestion = await service.ask(experiment, call=call)
    await service.report(suggestion)

    again = await service.ask(experiment, call=call)

    assert again == await service.suggestions.get(suggestion.suggestion_id)
    assert again != suggestion


async def test_a_repeated_call_whose_result_was_deleted_says_so(service):
    experiment = await service.define()
    suggestion = await service.ask(experiment)
    call = Call("CreateObservation", "r1", b"")
    made = await service.report(suggestion, call=call)
    await service.observations.delete(made.observation_id, NOT_REPEATED)

    with pytest.raises(ObservationNotFound):
        await service.report(suggestion, call=call)


async def test_a_request_id_is_forgotten_after_its_age(service):
    call = Call("CreateExperiment", "r1", b"")
    first = await service.define(call)

    service.clock.advance(timedelta(hours=24).total_seconds())
    await service.housekeeping.forget()
    assert await service.define(call) == first

    service.clock.advance(1)
    await service.housekeeping.forget()
    assert await service.define(call) != first
