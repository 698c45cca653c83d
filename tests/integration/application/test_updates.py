"""The search space changes while workers evaluate."""

import asyncio
import random

import pytest
from tests.support import oracle
from tests.support.quick_optimizer import QuickOptimizer
from tests.support.use_cases import LINE

from nextpoint_service.application.analysis import Ranking
from nextpoint_service.application.idempotency import NOT_REPEATED
from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.definition import ExperimentDraft
from nextpoint_service.domain.errors import BudgetSpent, InvalidRequest, LeaseLost
from nextpoint_service.domain.experiment import ExperimentType
from nextpoint_service.domain.metric_change import MetricChange
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.parameter_rules import ParameterDraft
from nextpoint_service.domain.suggestion import SuggestionState
from nextpoint_service.optimizer import few_objectives

ALL = Page(limit=1000)
X = LINE[0]
UPPER = ParameterDraft("x", "double", bounds=(0.5, 1.0))
BEYOND = ParameterDraft("x", "double", bounds=(5.0, 6.0))
Y = ParameterDraft("y", "int", bounds=(1.0, 3.0), default=2)


async def states(service, *suggestions):
    found = [await service.suggestions.get(each.suggestion_id) for each in suggestions]
    return [each.state.value for each in found]


async def test_what_nobody_holds_and_lies_outside_is_withdrawn_and_replaced(service):
    experiment = await service.define(budget=10)
    held, given_back = await service.ask(experiment), await service.ask(experiment)
    low, high = await service.queue(experiment, x=0.25), await service.queue(experiment, x=5.0 / 8)
    await service.release(given_back)

    await service.change(experiment, parameters=(ParameterDraft("x", "double", bounds=(0.6, 0.7)),))

    assert await states(service, held, low, high, given_back) == [
        "leased",
        "withdrawn",
        "queued",
        "withdrawn",
    ]
    progress = await service.progress(experiment)
    assert (progress.open_suggestions, progress.queued_suggestions, progress.remaining) == (1, 1, 9)
    asked = [await service.ask(experiment) for _ in range(9)]
    assert asked[0].suggestion_id == high.suggestion_id
    assert all(0.6 <= each.assignments["x"] <= 0.7 for each in asked)
    with pytest.raises(BudgetSpent):
        await service.ask(experiment)


async def test_what_waits_and_lies_inside_goes_on_to_wait(service):
    experiment = await service.define()
    given_back = await service.release(await service.ask(experiment))

    wider = ParameterDraft("x", "double", bounds=(-1.0, 2.0))
    await service.change(experiment, parameters=(wider,))

    assert (await service.ask(experiment)).suggestion_id == given_back.suggestion_id


async def test_outcomes_of_what_was_handed_out_before_are_taken(service):
    experiment = await service.define(budget=3)
    held, given_back = await service.ask(experiment), await service.ask(experiment)
    await service.release(given_back)
    await service.change(experiment, parameters=(BEYOND, Y))

    observed = [await service.report(each) for each in (held, given_back)]

    assert [each.assignments for each in observed] == [held.assignments, given_back.assignments]
    assert [each.outside for each in observed] == [True, True]
    assert await states(service, held, given_back) == ["observed", "observed"]
    progress = await service.progress(experiment)
    assert (progress.evaluated, progress.open_suggestions, progress.remaining) == (2, 0, 1)


async def test_an_outcome_is_outside_by_what_it_is_in_the_space_of_now(service):
    experiment = await service.define()
    run, held = await service.open_run(experiment), await service.ask(experiment)
    await service.change(experiment, parameters=(X, Y))

    inside = await service.report(held)
    await service.change(experiment, parameters=(BEYOND, Y))
    ended = await service.runs.fail(run.run_id, NOT_REPEATED)
    beyond = await service.observations.get(ended.observation_id)

    assert (inside.outside, beyond.outside) == (False, True)


async def test_what_comes_back_from_its_worker_outside_is_nobodys(service):
    experiment = await service.define()
    released, lapsed, deleted = [await service.ask(experiment) for _ in range(3)]
    observation = await service.report(deleted)
    await service.change(experiment, parameters=(BEYOND,))

    await service.release(released)
    await service.pass_time(1000)
    await service.observations.delete(observation.observation_id, NOT_REPEATED)

    assert await states(service, released, lapsed, deleted) == ["withdrawn"] * 3
    assert (await service.progress(experiment)).open_suggestions == 0
    with pytest.raises(LeaseLost):
        await service.release(lapsed)
    assert (await service.ask(experiment)).assignments["x"] >= 5.0


async def test_withdrawn_suggestions_are_listed_by_their_state(service):
    experiment = await service.define()
    queued = await service.queue(experiment, x=0.25)
    await service.change(experiment, parameters=(UPPER,))

    listed = await service.suggestions.list(experiment, SuggestionState.WITHDRAWN, ALL)

    assert [each.suggestion_id for _, each in listed] == [queued.suggestion_id]


async def test_a_point_that_was_withdrawn_can_be_suggested_again(service):
    experiment = await service.define()
    await service.queue(experiment, x=0.25)
    await service.change(experiment, parameters=(UPPER,))
    await service.change(experiment, parameters=(X,))

    again = await service.queue(experiment, x=0.25)

    assert (await service.ask(experiment)).suggestion_id == again.suggestion_id


async def test_a_point_that_was_being_made_for_the_old_space_is_made_anew(thinking):
    experiment = await thinking.define()
    asking = asyncio.create_task(thinking.ask(experiment, max_wait_seconds=0.0))
    old = await thinking.optimizer.next_thought()

    await thinking.change(experiment, parameters=(BEYOND,))
    old.answer()
    new = await thinking.optimizer.next_thought()
    new.answer()

    assert (await asking).assignments["x"] >= 5.0
    assert new.problem.experiment.space.parameters[0].low == 5.0


async def test_points_made_ahead_at_random_are_made_anew_at_once(service):
    experiment = await service.define(type=ExperimentType.RANDOM)
    await service.ask(experiment)
    wider = ParameterDraft("x", "double", bounds=(-1.0, 9.0))
    await service.change(experiment, parameters=(wider,))

    asked = [await service.ask(experiment) for _ in range(40)]

    assert max(each.assignments["x"] for each in asked) > 1.0
    assert len(service.optimizer.problems) == 2


async def test_old_observations_teach_as_they_would_have_been_in_the_new_space(service):
    experiment = await service.define(parameters=(X, ParameterDraft("z", "bool")))
    await service.report_own(experiment, x=0.25, z=True)
    await service.change(experiment, parameters=(UPPER, Y))
    await service.report_own(experiment, x=0.75, y=3)
    await service.ask(experiment)

    assert taught(service) == [{"x": 0.25, "y": 2}, {"x": 0.75, "y": 3}]

    await service.change(experiment, parameters=(UPPER, ParameterDraft("z", "bool", default=False)))
    await service.ask(experiment)

    assert taught(service) == [{"x": 0.25, "z": True}, {"x": 0.75, "z": False}]
    assert service.optimizer.problems[-1].pending[0].keys() == {"x", "z"}
    listed = await service.observations.list(experiment, ALL)
    assert [each.assignments for _, each in listed] == [{"x": 0.75, "y": 3}, {"x": 0.25, "z": True}]


def taught(service):
    return [each.assignments for each in service.optimizer.problems[-1].observations]


async def test_a_model_learns_from_what_was_observed_in_the_old_space(service):
    kind = ParameterDraft("kind", "categorical", categorical_values=("a", "b", "c"))
    experiment = await service.define(parameters=(X, ParameterDraft("z", "bool"), kind))
    for number in range(24):
        x = number / 23
        await service.report_own(
            experiment, -((x - 0.75) ** 2), x=x, z=number % 2 == 0, kind="abc"[number % 3]
        )
    narrower = ParameterDraft("kind", "categorical", categorical_values=("a", "b"))
    await service.change(experiment, parameters=(UPPER, narrower))
    await service.ask(experiment)

    problem = service.optimizer.problems[-1]
    (proposal,) = few_objectives.propose(problem, most_observations=500)

    assert problem.phase is Phase.MODEL
    assert problem.experiment.space.contains(proposal.assignments)
    assert proposal.assignments["x"] == pytest.approx(0.75, abs=0.1)
    assert proposal.provenance.predictions["taste"].mean == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("ranking", Ranking)
async def test_the_best_are_shown_with_the_assignments_that_were_evaluated(service, ranking):
    experiment = await service.define(
        parameters=(X, ParameterDraft("z", "bool")), num_solutions=2, budget=20
    )
    for taste, x in enumerate((0.0, 0.1, 1.0, 0.9)):
        await service.report_own(experiment, float(taste), x=x, z=True)
    await service.change(experiment, parameters=(X, Y))

    found = await service.analysis.best(experiment, ranking, ALL)

    assert found[0][1].observation.assignments == {"x": 0.9, "z": True}


async def test_what_is_near_is_judged_in_the_new_space(service):
    experiment = await service.define(num_solutions=2, budget=20)
    await service.report_own(experiment, 3.0, x=0.5)
    await service.change(experiment, parameters=(X, Y))
    await service.report_own(experiment, 2.0, x=0.51, y=2)
    await service.report_own(experiment, 1.0, x=0.5, y=1)
    await service.report_own(experiment, 0.0, x=0.1, y=1)

    found = await service.analysis.best(experiment, Ranking.OBSERVED, ALL)

    # What is taken to have had y = 2 is near the second, and not near the third.
    assert [each.observation.assignments for _, each in found] == [{"x": 0.5}, {"x": 0.5, "y": 1}]


async def test_new_thresholds_make_points_anew(service):
    experiment = await service.define(
        budget=20, metrics=(MetricDraft("taste"), MetricDraft("looks"))
    )
    before = (await service.experiments.get(experiment)).experiment.revision
    metrics = (MetricChange("taste", threshold=1.0), MetricChange("looks"))

    await service.change(experiment, metrics=metrics)

    after = (await service.experiments.get(experiment)).experiment
    assert after.revision == before + 1
    assert after.metrics[0].threshold == 1.0


async def test_a_refused_change_withdraws_nothing(service):
    experiment = await service.define()
    queued = await service.queue(experiment, x=0.25)

    with pytest.raises(InvalidRequest):
        await service.change(experiment, parameters=(UPPER,), name="")

    assert await states(service, queued) == ["queued"]


@pytest.mark.timeout(300)
async def test_whatever_is_changed_and_when_every_suggestion_lies_in_the_space_of_its_time(start):
    for seed in range(25):
        faults = await _changing(await start(QuickOptimizer()), seed)
        assert faults == [], f"seed {seed}"


async def _changing(service, seed):
    """Let users and workers do anything in any order; return what went wrong."""
    draw = random.Random(seed)  # noqa: S311 -- nothing secret
    parameters = (_parameter("a", "double", draw), _parameter("b", "int", draw))
    draft = ExperimentDraft("seed", parameters, (MetricDraft("taste"),), type=draw.choice(_TYPES))
    experiment = (await service.experiments.create(draft, NOT_REPEATED)).experiment.experiment_id
    held, gone, faults = [], [], []
    for _ in range(60):
        match draw.choice(["ask", "ask", "ask", "report", "release", "late", "change", "queue"]):
            case "ask":
                suggestion = await service.ask(experiment, f"w{draw.randrange(3)}")
                faults += oracle.faults(ExperimentDraft("", parameters, ()), suggestion.assignments)
                held.append(suggestion)
            case "report" if held:
                await service.report(held.pop(draw.randrange(len(held))), draw.random())
            case "release" if held:
                gone.append(held.pop())
                await service.release(gone[-1])
            case "late" if gone:
                await service.report(gone.pop(), draw.random())
                held = [each for each in held if (await states(service, each)) == ["leased"]]
            case "change":
                parameters = _changed(parameters, draw)
                await service.change(experiment, parameters=parameters)
            case "queue":
                await service.queue(experiment, **{each.name: each.default for each in parameters})
    return faults


_TYPES = (ExperimentType.OPTIMIZED, ExperimentType.OPTIMIZED, ExperimentType.RANDOM)
_WORDS = ("rye", "oat", "wheat", "spelt")
_NAMES = {"a": "double", "b": "int", "c": "categorical", "d": "bool", "e": "double"}


def _parameter(name, kind, draw):
    match kind:
        case "double":
            low = draw.uniform(-2, 2)
            grid = (low, low + 0.5, low + 2) if draw.random() < 0.3 else ()
            bounds = None if grid else (low, low + draw.choice([0.1, 1.0, 5.0]))
            return ParameterDraft(name, kind, bounds, grid, default=low)
        case "int":
            low = draw.randint(-5, 5)
            bounds = (float(low), float(low + draw.randint(1, 9)))
            return ParameterDraft(name, kind, bounds, default=low)
        case "categorical":
            values = tuple(draw.sample(_WORDS, draw.randint(2, 4)))
            return ParameterDraft(name, kind, categorical_values=values, default=values[0])
        case _:
            return ParameterDraft(name, kind, default=True)


def _changed(parameters, draw):
    """Return some of the parameters as they are, others changed, removed, added, brought back."""
    there = {each.name: each for each in parameters}
    names = draw.sample(sorted(_NAMES), draw.randint(1, len(_NAMES)))
    return tuple(
        there[name]
        if name in there and draw.random() < 0.4
        else _parameter(name, _NAMES[name], draw)
        for name in names
    )
