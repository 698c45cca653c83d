"""What can be changed of an experiment, and what cannot."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.builders import LATER, NOW, a_grid_experiment, a_metric, an_experiment

from nextpoint_service.domain.definition import CHANGEABLE, ExperimentChange, change
from nextpoint_service.domain.experiment import Experiment, Objective, Strategy
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metric_change import MetricChange

LIMITS = Limits()


def changed(experiment=None, /, fields=None, **new):
    experiment = experiment or an_experiment(
        metadata={"oven": "stone"}, tags=("rye",), parallel_bandwidth=2
    )
    named = frozenset(new if fields is None else fields)
    return change(experiment, ExperimentChange(named, **new), LIMITS, LATER)


CHANGES = {
    "name": ("toast", "toast"),
    "project": ("cafe", "cafe"),
    "budget": (30, 30),
    "parallel_bandwidth": (7, 7),
    "metadata": ({"shelf": 1.0}, {"shelf": 1.0}),
    "tags": (("white", "crust"), ("crust", "white")),
    "metrics": ((MetricChange("taste"),), (a_metric(),)),
}
ELSEWHERE = {"parameters"}
"""What has tests of its own."""

CLEARED = {
    "project": ("", ""),
    "budget": (None, None),
    "parallel_bandwidth": (None, None),
    "metadata": (None, {}),
    "tags": ((), ()),
}


def test_every_field_that_can_be_changed_is_in_these_tables():
    assert CHANGES.keys() == set(CHANGEABLE) - ELSEWHERE
    assert CLEARED.keys() == set(CHANGEABLE) - {"name", "metrics"} - ELSEWHERE


@pytest.mark.parametrize(
    ("field", "new", "expected"),
    [(field, *row) for table in (CHANGES, CLEARED) for field, row in table.items()],
)
def test_a_field_that_is_named_is_changed_and_no_other(field, new, expected):
    before = an_experiment(metadata={"oven": "stone"}, tags=("rye",), parallel_bandwidth=2)

    after = changed(before, **{field: new})

    assert getattr(after, field) == expected
    assert {
        name: getattr(after, name)
        for name in Experiment.__dataclass_fields__
        if name not in (field, "revision", "updated")
    } == {
        name: getattr(before, name)
        for name in Experiment.__dataclass_fields__
        if name not in (field, "revision", "updated")
    }


def test_a_change_has_its_time_and_makes_no_suggestion_stale():
    after = changed(an_experiment(revision=4, updated=NOW - timedelta(days=1)), name="toast")

    assert after.revision == 4
    assert after.updated == LATER
    assert after.created == NOW


def test_a_field_that_is_not_named_is_ignored_though_it_is_given():
    assert changed(fields={"name"}, name="toast", project="No Project", budget=0).budget == 20


FAULTY_CHANGES = {
    "a change changes something": (
        {"fields": ()},
        {"update_mask": "must name at least one field to change"},
    ),
    "a name cannot be cleared": ({"name": ""}, {"name": "is required"}),
    "a name keeps its rules": ({"name": "a\nb"}, {"name": "control characters"}),
    "a project keeps its rules": ({"project": "The Bakery"}, {"project": "a to z"}),
    "a budget keeps its range": ({"budget": 0}, {"budget": "must be from 1 to 100000"}),
    "a bandwidth keeps its range": (
        {"parallel_bandwidth": 1001},
        {"parallel_bandwidth": "must be from 1 to 1000, got 1001"},
    ),
    "metadata keeps its rules": ({"metadata": {"": 1.0}}, {"metadata['']": "key"}),
    "tags keep their rules": ({"tags": ("b", "a", "b")}, {"tags[2]": "'b' is there already"}),
    "everything is said at once": (
        {"name": "", "budget": -1, "tags": ("",)},
        {"name": "is required", "budget": "got -1", "tags[0]": "must not be empty"},
    ),
    "a path that is not known does not hide the rest": (
        {"fields": {"nome", "name"}, "name": ""},
        {
            "update_mask": "'nome' is not one of name, project, budget, parallel_bandwidth,"
            " metadata, tags, metrics, parameters",
            "name": "is required",
        },
    ),
}


@pytest.mark.parametrize(("new", "expected"), FAULTY_CHANGES.values(), ids=FAULTY_CHANGES)
def test_a_change_keeps_the_rule_that(refuses, new, expected):
    refuses(lambda: changed(**new), expected)


def test_a_change_is_not_judged_by_what_it_leaves_alone():
    smaller = replace(LIMITS, budget=5, parallel_bandwidth=1, metadata_entries=0)
    experiment = an_experiment(
        budget=20, parallel_bandwidth=2, project="Legacy", metadata={"oven": "x"}, tags=("rye",)
    )
    new = ExperimentChange(frozenset({"name"}), name="toast")

    assert change(experiment, new, smaller, LATER).name == "toast"


@pytest.mark.parametrize("field", ["type", "linear_constraints", "state"])
def test_what_defines_an_experiment_cannot_be_changed(refuses, field):
    refuses(lambda: changed(fields={field}), {"update_mask": f"'{field}' is not one of name"})


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ((a_metric("a"), a_metric("b")), "is required with several optimized metrics"),
        (
            (a_metric("a"), a_metric("b", Strategy.CONSTRAINT, 1.0)),
            "is required with a metric of strategy constraint",
        ),
    ],
)
def test_a_budget_that_is_required_can_be_changed_and_not_cleared(refuses, metrics, text):
    experiment = an_experiment(metrics=metrics)

    assert changed(experiment, budget=5).budget == 5
    refuses(lambda: changed(experiment, budget=None), {"budget": text})


@pytest.mark.parametrize("budget", [None, 0, 12, 13])
def test_the_budget_of_a_grid_cannot_be_changed(refuses, budget):
    refuses(
        lambda: changed(a_grid_experiment(), budget=budget),
        {"budget": "cannot be changed: it is the number of cells of the grid"},
    )


def test_a_grid_keeps_its_budget_when_something_else_is_changed():
    assert changed(a_grid_experiment(), name="toast").budget == 12


COST = a_metric("cost", Strategy.CONSTRAINT, 3.0, minimize=True)
NOTE = a_metric("note", Strategy.STORE)


METRICS = (a_metric(), COST, NOTE)


def with_metrics(*changes, metrics=METRICS, **fields):
    experiment = an_experiment(metrics=metrics, **fields)
    return changed(experiment, metrics=changes)


TASTE_AS_IT_IS = MetricChange("taste")
NOTE_AS_IT_IS = MetricChange("note")


def test_a_threshold_is_changed_and_makes_suggestions_stale():
    repeated = MetricChange("cost", Objective.MINIMIZE, Strategy.CONSTRAINT, 2.5)

    after = with_metrics(NOTE_AS_IT_IS, repeated, TASTE_AS_IT_IS, revision=4)

    assert after.metrics == (METRICS[0], replace(COST, threshold=2.5), NOTE)
    assert after.revision == 5


def test_the_same_thresholds_make_no_suggestion_stale():
    after = with_metrics(
        TASTE_AS_IT_IS, MetricChange("cost", threshold=3.0), NOTE_AS_IT_IS, revision=4
    )

    assert after.revision == 4


def test_thresholds_of_a_frontier_are_set_and_cleared():
    metrics = (a_metric("a", threshold=1.0), a_metric("b", threshold=2.0))

    after = with_metrics(MetricChange("a", threshold=5.0), MetricChange("b"), metrics=metrics)

    assert [each.threshold for each in after.metrics] == [5.0, None]


FAULTY_METRICS = {
    "objective": (MetricChange("cost", Objective.MAXIMIZE, threshold=1.0), "from minimize"),
    "strategy": (MetricChange("cost", strategy=Strategy.STORE, threshold=1.0), "from constraint"),
    "threshold": (MetricChange("cost"), "is required for strategy constraint"),
    "name": (MetricChange("price", threshold=1.0), "there is no metric 'price': none can be added"),
}


@pytest.mark.parametrize(("field", "row"), FAULTY_METRICS.items(), ids=FAULTY_METRICS)
def test_of_a_metric_nothing_but_a_valid_threshold_can_be_changed(refuses, field, row):
    new, text = row
    missing = {"metrics": "has no 'cost'"} if field == "name" else {}

    refuses(
        lambda: with_metrics(TASTE_AS_IT_IS, new, NOTE_AS_IT_IS),
        {f"metrics[1].{field}": text, **missing},
    )


def test_every_fault_of_the_metrics_is_said_at_once(refuses):
    refuses(
        lambda: with_metrics(
            MetricChange("taste", None, threshold=1.0),
            MetricChange("taste"),
            MetricChange("", threshold=1.0),
            MetricChange("note", threshold=1.0),
            MetricChange("cost", strategy=None, threshold=float("nan")),
        ),
        {
            "metrics[0].objective": "cannot be changed from maximize",
            "metrics[0].threshold": "is not for the only optimized metric",
            "metrics[1].name": "'taste' is the name of another metric",
            "metrics[2].name": "is required",
            "metrics[3].threshold": "is not for strategy store",
            "metrics[4].strategy": "cannot be changed from constraint",
            "metrics[4].threshold": "must be a finite number, got nan",
        },
    )


def test_no_metric_can_be_removed(refuses):
    refuses(
        lambda: with_metrics(TASTE_AS_IT_IS, MetricChange("cost", threshold=1.0)),
        {"metrics": "has no 'note': a metric cannot be removed"},
    )


def test_a_budget_has_room_for_the_solutions(refuses):
    experiment = an_experiment(num_solutions=3, budget=9)

    assert changed(experiment, budget=3).budget == 3
    refuses(lambda: changed(experiment, budget=2), {"budget": "must be at least num_solutions, 3"})
    refuses(lambda: changed(experiment, budget=None), {"budget": "with several solutions"})
    assert changed(experiment, name="rolls").num_solutions == 3
