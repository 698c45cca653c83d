"""The life of an experiment, and how far it has come."""

import inspect
from dataclasses import replace

import pytest
from tests.support.builders import LATER, a_metric, an_experiment, progress

from nextpoint_service.domain.errors import ExperimentArchived
from nextpoint_service.domain.experiment import (
    Experiment,
    ExperimentState,
    Strategy,
)

ACTIVE, ARCHIVED = ExperimentState

DO = {
    "archive": lambda experiment: experiment.archive(LATER),
    "unarchive": lambda experiment: experiment.unarchive(LATER),
    "require_active": lambda experiment: experiment.require_active() or experiment,
}

# The fields that a verb changes, or the error that it is refused with.
TABLE = {
    (ACTIVE, "archive"): {"state": ARCHIVED, "updated": LATER},
    (ACTIVE, "unarchive"): {},
    (ACTIVE, "require_active"): {},
    (ARCHIVED, "archive"): {},
    (ARCHIVED, "unarchive"): {"state": ACTIVE, "updated": LATER},
    (ARCHIVED, "require_active"): ExperimentArchived,
}


def test_every_verb_in_every_state_is_in_the_table():
    public = {name for name, _ in inspect.getmembers(Experiment, inspect.isfunction)}

    assert DO.keys() == {name for name in public if not name.startswith("_")}
    assert TABLE.keys() == {(state, verb) for state in ExperimentState for verb in DO}


@pytest.mark.parametrize(
    ("state", "verb", "changes"),
    [(*pair, to) for pair, to in TABLE.items() if to is not ExperimentArchived],
)
def test_a_verb_changes_exactly(state, verb, changes):
    before = an_experiment(state=state)

    after = DO[verb](before)

    assert after == replace(before, **changes)


def test_an_archived_experiment_says_how_to_go_on():
    with pytest.raises(ExperimentArchived, match="'exp_1' is archived; unarchive it first"):
        an_experiment(state=ARCHIVED).require_active()


def test_the_metrics_to_optimize_keep_their_order():
    metrics = (
        a_metric("b"),
        a_metric("c", Strategy.CONSTRAINT, 1.0),
        a_metric("a"),
        a_metric("d", Strategy.STORE),
    )

    assert [each.name for each in an_experiment(metrics=metrics).optimized] == ["b", "a"]


@pytest.mark.parametrize(("minimize", "sign"), [(False, 1.0), (True, -1.0)])
def test_the_sign_makes_more_better(minimize, sign):
    assert a_metric(minimize=minimize).sign == sign


@pytest.mark.parametrize(
    ("minimize", "below", "at", "above"),
    [(False, False, True, True), (True, True, True, False)],
)
def test_a_threshold_is_inclusive_in_both_directions(minimize, below, at, above):
    metric = a_metric("m", Strategy.CONSTRAINT, 2.0, minimize=minimize)

    reached = [metric.reaches_threshold(value) for value in (1.999999, 2.0, 2.000001)]

    assert reached == [below, at, above]


@pytest.mark.parametrize("minimize", [False, True])
def test_a_threshold_of_zero_is_a_threshold(minimize):
    metric = a_metric("m", Strategy.CONSTRAINT, 0.0, minimize=minimize)

    assert metric.reaches_threshold(0.0)
    assert not metric.reaches_threshold(metric.sign * -1.0)


@pytest.mark.parametrize("minimize", [False, True])
def test_without_a_threshold_every_value_reaches_it(minimize):
    metric = a_metric("m", minimize=minimize)

    assert all(metric.reaches_threshold(value) for value in (-1e308, 0.0, 1e308))


# Progress


def test_a_second_outcome_of_a_suggestion_is_not_a_second_evaluation():
    assert progress(observations=5, repeated=2).evaluated == 3


@pytest.mark.parametrize(
    ("counts", "remaining"),
    [
        ({}, 20),
        ({"observations": 3, "failed": 2}, 17),
        ({"observations": 3, "open_suggestions": 5, "leased_suggestions": 4}, 12),
        ({"open_suggestions": 20}, 0),
        ({"observations": 15, "open_suggestions": 9}, 0),
        ({"observations": 5, "repeated": 2, "open_suggestions": 1}, 16),
        ({"queued_suggestions": 20, "active_runs": 1}, 20),
        ({"budget": None, "observations": 1000}, None),
    ],
)
def test_what_remains_is_the_budget_less_observations_and_open_suggestions(counts, remaining):
    assert progress(**counts).remaining == remaining


@pytest.mark.parametrize(
    ("counts", "finished"),
    [
        ({}, False),
        ({"observations": 19, "open_suggestions": 1}, False),
        ({"observations": 20}, True),
        ({"observations": 20, "failed": 20}, True),
        ({"observations": 20, "repeated": 1}, False),
        ({"observations": 21, "repeated": 1}, True),
        ({"observations": 21, "open_suggestions": 3, "queued_suggestions": 1}, True),
        ({"budget": 1, "observations": 1}, True),
        ({"budget": None, "observations": 100_000}, False),
    ],
)
def test_a_search_is_over_when_as_many_points_were_evaluated_as_the_budget_says(counts, finished):
    assert progress(**counts).finished is finished


@pytest.mark.parametrize(
    ("counts", "finished"),
    [
        ({"cells_left": 12}, False),
        ({"cells_left": 1, "observations": 11}, False),
        ({"cells_left": 0, "observations": 11, "open_suggestions": 1}, False),
        ({"cells_left": 1, "observations": 10, "open_suggestions": 1}, False),
        ({"cells_left": 1, "observations": 10, "queued_suggestions": 1}, False),
        ({"cells_left": 0, "observations": 11, "queued_suggestions": 1}, False),
        ({"cells_left": 0, "observations": 12}, True),
        ({"cells_left": 3, "observations": 12}, False),
        ({"cells_left": 0, "observations": 15}, True),
    ],
)
def test_a_grid_is_over_when_every_cell_has_its_outcome(counts, finished):
    assert progress(budget=12, **counts).finished is finished
