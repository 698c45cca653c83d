"""The life of a run: every verb in every state."""

import inspect
from dataclasses import replace

import pytest
from tests.support.builders import LATER, NOW, a_metric, a_run, an_experiment

from nextpoint_service.domain.errors import MetricsMissing, RunEnded
from nextpoint_service.domain.experiment import Strategy
from nextpoint_service.domain.observation import Measurement
from nextpoint_service.domain.run import Run, RunState

ACTIVE, COMPLETED, FAILED, LAPSED = RunState
ONE = Measurement(1.0)
TWO = Measurement(2.0, 0.5)
EXPERIMENT = an_experiment(metrics=(a_metric("taste"), a_metric("cost", Strategy.STORE)))

DO = {
    "log": lambda run: run.log({"taste": ONE}),
    "complete": lambda run: run.complete("obs_9", LATER),
    "fail": lambda run: run.fail("obs_9", LATER),
    "lapse": lambda run: run.lapse(),
}
QUESTIONS = {"outcome", "require_open"}

# The fields that a verb changes, or the error that it is refused with.
LOGGED = {"values": {"loss": TWO, "taste": ONE}}
ENDED_WELL = {"state": COMPLETED, "observation_id": "obs_9", "ended": LATER}
ENDED_BADLY = {"state": FAILED, "observation_id": "obs_9", "ended": LATER}

TABLE = {
    (ACTIVE, "log"): LOGGED,
    (ACTIVE, "complete"): ENDED_WELL,
    (ACTIVE, "fail"): ENDED_BADLY,
    (ACTIVE, "lapse"): {"state": LAPSED},
    (LAPSED, "log"): LOGGED,
    (LAPSED, "complete"): ENDED_WELL,
    (LAPSED, "fail"): ENDED_BADLY,
    (LAPSED, "lapse"): {},
    (COMPLETED, "log"): RunEnded,
    (COMPLETED, "complete"): RunEnded,
    (COMPLETED, "fail"): RunEnded,
    (COMPLETED, "lapse"): RunEnded,
    (FAILED, "log"): RunEnded,
    (FAILED, "complete"): RunEnded,
    (FAILED, "fail"): RunEnded,
    (FAILED, "lapse"): RunEnded,
}


def test_every_verb_in_every_state_is_in_the_table():
    public = {name for name, _ in inspect.getmembers(Run, inspect.isfunction)}
    verbs = {name for name in public if not name.startswith("_")} - QUESTIONS

    assert DO.keys() == verbs
    assert TABLE.keys() == {(state, verb) for state in RunState for verb in DO}


@pytest.mark.parametrize(
    ("state", "verb", "changes"),
    [(*pair, to) for pair, to in TABLE.items() if to is not RunEnded],
)
def test_a_verb_changes_exactly(state, verb, changes):
    before = a_run(state, values={"loss": TWO})

    after = DO[verb](before)

    assert after == replace(before, **changes)


@pytest.mark.parametrize(("state", "verb"), [pair for pair, to in TABLE.items() if to is RunEnded])
def test_a_verb_is_refused_once_the_run_has_ended(state, verb):
    with pytest.raises(RunEnded, match=f"'run_1' has ended: it is {state.value}") as caught:
        DO[verb](a_run(state))

    assert caught.value.metadata == {"run_id": "run_1", "state": state.value}


@pytest.mark.parametrize("state", RunState)
def test_a_run_is_open_until_it_has_an_outcome(state):
    run = a_run(state)

    if state in (COMPLETED, FAILED):
        with pytest.raises(RunEnded):
            run.require_open()
    else:
        run.require_open()


def test_the_last_logged_value_of_a_metric_counts():
    run = a_run().log({"taste": ONE, "cost": ONE}).log({"taste": TWO})

    assert run.values == {"taste": TWO, "cost": ONE}


def test_logging_leaves_the_run_before_as_it_was():
    before = a_run(values={"taste": ONE})

    before.log({"taste": TWO})

    assert before.values == {"taste": ONE}


def test_the_outcome_is_what_was_logged_of_the_metrics_in_their_order():
    run = a_run(values={"loss": ONE, "cost": TWO, "taste": ONE})

    assert list(run.outcome(EXPERIMENT).items()) == [("taste", ONE), ("cost", TWO)]


def test_an_outcome_without_a_metric_is_refused_with_what_was_logged():
    run = a_run(values={"loss": ONE, "Taste": ONE})

    with pytest.raises(MetricsMissing) as caught:
        run.outcome(EXPERIMENT)

    assert str(caught.value) == (
        "run 'run_1' has no value for 'taste', 'cost'; it logged 'loss', 'Taste'"
    )


def test_an_outcome_of_nothing_says_that_nothing_was_logged():
    with pytest.raises(MetricsMissing, match="it logged nothing"):
        a_run(created=NOW).outcome(EXPERIMENT)
