"""Which advice an experiment goes against."""

from dataclasses import replace

import pytest
from tests.support.builders import a_constraint, a_space, an_experiment

from nextpoint_service.domain.best_practices import Advice, against_advice
from nextpoint_service.domain.conditionals import Conditional
from nextpoint_service.domain.experiment import Progress


def fields(experiment, advice=Advice(), **counts):  # noqa: B008 -- it is frozen
    nothing = {
        "observations": 0,
        "failed": 0,
        "leased_suggestions": 0,
        "open_suggestions": 0,
        "queued_suggestions": 0,
        "active_runs": 0,
        "budget": experiment.budget,
    }
    found = against_advice(experiment, Progress(**(nothing | counts)), advice)
    return [each.field for each in found]


def test_a_plain_experiment_goes_against_nothing():
    assert fields(an_experiment()) == []


def test_more_observations_than_the_budget_go_against_it():
    assert fields(an_experiment(budget=3), observations=4) == ["budget"]
    assert fields(an_experiment(budget=3), observations=3) == []


def test_repeated_observations_do_not_count_against_the_budget():
    assert fields(an_experiment(budget=3), observations=4, repeated=1) == []


def test_more_open_suggestions_than_workers_go_against_it():
    assert fields(an_experiment(), open_suggestions=2) == ["parallel_bandwidth"]
    assert fields(an_experiment(parallel_bandwidth=2), open_suggestions=2) == []


@pytest.mark.parametrize(
    ("experiment", "advice", "counts", "field"),
    [
        ({}, {"constrained_parameters": 3}, {}, "parameters"),
        ({"budget": 2501}, {}, {}, "budget"),
        ({}, {"linear_constraints": 0}, {}, "linear_constraints"),
        ({"parallel_bandwidth": 5}, {}, {}, "parallel_bandwidth"),
        (
            {"parallel_bandwidth": 4},
            {},
            {"open_suggestions": 5},
            "progress.open_suggestion_count",
        ),
    ],
)
def test_linear_constraints_want_small_experiments(experiment, advice, counts, field):
    constrained = an_experiment(space=a_space(a_constraint()), **experiment)
    free = an_experiment(**experiment)

    assert field in fields(constrained, Advice(**advice), **counts)
    assert field not in fields(free, Advice(**advice), **counts)


@pytest.mark.parametrize(
    ("budget", "advice", "field"),
    [
        (20, {"conditional_parameters": 4}, "parameters"),
        (601, {}, "budget"),
        (20, {"conditional_values": 2}, "conditionals"),
    ],
)
def test_conditionals_want_small_experiments(budget, advice, field):
    oven = Conditional("oven", ("gas", "wood", "electric"))
    free = an_experiment(budget=budget)
    branched = replace(free, space=replace(free.space, conditionals=(oven,)))

    assert fields(branched, Advice(**advice)) == [field]
    assert fields(free, Advice(**advice)) == []
    assert fields(replace(branched, budget=600)) == []


def test_advice_says_what_is_the_case():
    experiment = an_experiment(budget=2501, space=a_space(a_constraint()))
    progress = Progress(0, 0, 0, 0, 0, 0, budget=2501)

    (found,) = against_advice(experiment, progress, Advice())

    assert found.description == "with linear constraints at most 2500 is advised, it is 2501"
