"""Points where cheaper evaluations stand in for full ones."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.optimizer.problems import (
    SQUARE,
    at_most,
    equals,
    modelled,
    observed,
    peak,
    points,
)

from nextpoint_service.application.optimizer_port import Studied
from nextpoint_service.domain.observation import Measurement
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    NormalPrior,
    SearchSpace,
)
from nextpoint_service.domain.suggestion import Generator
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer import tasks
from nextpoint_service.optimizer.axes import key
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.expectations import expectations_of
from nextpoint_service.optimizer.fidelity import at_full, place_of, with_place
from nextpoint_service.optimizer.layout import layout_of
from nextpoint_service.optimizer.learning import learn, modest, rows_at

FULL, TENTH = TASKS = (Task("full", 1.0), Task("tenth", 0.1))
MIXED = SearchSpace(
    (
        DoubleParameter("a", 0.0, 1.0),
        DoubleParameter("b", 0.0, 1.0, prior=NormalPrior(0.5, 0.2)),
        IntParameter("n", 0, 9),
        CategoricalParameter("c", ("x", "y", "z")),
        BoolParameter("f"),
    ),
    (at_most(1.5, a=1.0, b=1.0), equals(3.0, n=1.0, a=1.0)),
)
FAILING = SearchSpace(
    (
        DoubleParameter("a", 0.0, 1.0),
        DoubleParameter("b", 0.0, 1.0),
        CategoricalParameter("c", ("a", "b")),
    )
)


def a_tenth(point):
    """Lower everywhere, and the peak a little beside."""
    return 0.5 * (peak({"a": point["a"] - 0.05, "b": point["b"]}) - 3.0)


def misleading(point):
    return math.sin(37.0 * point["a"] + 91.0 * point["b"] ** 2)


def model(observations, space=SQUARE, **fields):
    problem = modelled(space, observations, **fields)
    return replace(problem, experiment=replace(problem.experiment, tasks=TASKS))


def mixed(full, cheap, of_full=peak, of_cheap=a_tenth, space=SQUARE):
    """Return so many observations of each task, the cheap ones first."""
    found = points(space, full + cheap)
    return tuple(
        replace(observed(point, y=of_cheap(point)), task=TENTH)
        if index < cheap
        else replace(observed(point, y=of_full(point)), task=FULL)
        for index, point in enumerate(found)
    )


def proposed(problem):
    proposals = tasks.propose(problem, most_observations=1000)
    space = problem.experiment.space
    assert all(space.contains(each.assignments) for each in proposals)
    return proposals


def test_experiments_with_tasks_have_an_engine_of_their_own():
    assert maker_for(model(mixed(2, 6)).experiment) is Maker.TASKS


def test_a_point_has_its_task_and_says_what_made_it():
    (made,) = proposed(model(mixed(2, 8)))

    assert made.task in TASKS
    assert made.provenance.generator is Generator.MODEL
    assert made.provenance.method.endswith("of a full evaluation")
    assert made.provenance.predictions["y"].stddev > 0.0
    assert math.isfinite(made.provenance.acquisition_value)


def test_equal_problems_give_equal_points():
    problem = model(mixed(2, 8), count=3)

    assert proposed(problem) == proposed(problem)


def test_points_made_together_differ_or_have_different_tasks():
    made = proposed(model(mixed(3, 9), count=6))

    assert len({(key(each.assignments), each.task) for each in made}) == 6


def test_cheap_evaluations_lead_the_way_to_the_peak():
    cheap_alone = mixed(2, 20)

    (made,) = proposed(model(cheap_alone))

    assert math.dist([*made.assignments.values()], [0.3, 0.7]) < 0.15
    assert min(math.dist([*each.assignments.values()], [0.3, 0.7]) for each in cheap_alone[20:]) > (
        0.15
    )


def test_at_most_half_of_what_is_spent_goes_to_cheap_evaluations():
    (made,) = proposed(model(mixed(2, 20)))

    assert made.task == FULL


def test_evaluations_that_cost_next_to_nothing_do_not_put_off_full_ones_for_ever():
    tiny = (FULL, Task("tiny", 1e-6))
    problem = model(mixed(3, 61))
    renamed = tuple(
        each if each.task == FULL else replace(each, task=tiny[1]) for each in problem.observations
    )

    def task_after(observations):
        experiment = replace(problem.experiment, tasks=tiny)
        return proposed(replace(problem, experiment=experiment, observations=observations))[0].task

    assert task_after(renamed) == FULL
    assert task_after(renamed[55:]) == tiny[1]


def test_cheap_evaluations_that_predict_nothing_are_left_out():
    problem = model(mixed(8, 8, of_cheap=misleading))

    learned = learn(problem.experiment, problem.observations, 1000)

    (surrogate,) = learned.surrogates
    assert len(surrogate.data.points) == 8
    assert proposed(problem)[0].task == FULL


def test_cheap_evaluations_are_tried_where_there_were_none():
    (made,) = proposed(model(mixed(6, 0)))

    assert made.task == TENTH


@pytest.mark.parametrize("size", [1e-300, 1e300, 1.7e308])
def test_values_of_any_size_are_brought_to_one_level(size):
    observations = tuple(
        replace(each, values={"y": Measurement(each.values["y"].value * size / 3.0)})
        for each in mixed(4, 12)
    )

    (made,) = proposed(model(observations))

    assert math.isfinite(made.provenance.acquisition_value)
    assert math.isfinite(made.provenance.predictions["y"].mean)


def test_cheap_evaluations_that_predict_well_are_kept():
    problem = model(mixed(8, 30))

    (surrogate,) = learn(problem.experiment, problem.observations, 1000).surrogates

    assert len(surrogate.data.points) == 38


def test_what_is_lower_everywhere_is_brought_to_the_level_of_full_evaluations():
    observations = mixed(4, 30)
    experiment = model(observations).experiment

    expected = expectations_of(Studied(experiment, observations, 7), most_observations=1000)

    for each, predictions in zip(observations[30:], expected[30:], strict=True):
        assert predictions["y"].mean == pytest.approx(peak(each.assignments), abs=0.03)


def test_a_full_evaluation_may_be_where_a_cheap_one_was():
    space = SearchSpace((IntParameter("a", 0, 2),))
    cheap = [replace(observed({"a": n}, y=float(n)), task=TENTH) for n in range(3)]
    full = [replace(observed({"a": n}, y=float(n)), task=FULL) for n in range(2)]

    (made,) = proposed(model((*cheap, *full), space))

    assert (made.assignments, made.task) == ({"a": 2}, FULL)


def test_when_every_point_was_tried_with_every_task_points_come_again():
    space = SearchSpace((BoolParameter("a"),))
    tried = [
        replace(observed({"a": flag}, y=float(flag)), task=task)
        for flag in (False, True)
        for task in TASKS
    ]

    (made,) = proposed(model(tuple(tried), space))

    assert "tried before" in made.provenance.fallback_reason


def test_mixed_spaces_with_constraints_priors_and_failures_hold():
    def value(point):
        return float(point["a"]) + 0.1 * float(point["n"]) + (point["c"] == "y")

    observations = mixed(6, 12, of_full=value, of_cheap=value, space=MIXED)
    failed = replace(observations[0], values={}, failed=True)

    made = proposed(model((failed, *observations[1:]), MIXED, count=4))

    assert len(made) == 4
    assert "by prior" in made[0].provenance.method


def fails(point):
    return point["c"] == "b" or point["a"] > 0.6


def outcome(point, task):
    made = observed(point, **({} if fails(point) else {"y": -((point["a"] - 0.3) ** 2)}))
    return replace(made, task=task)


def test_a_cheap_evaluation_that_failed_says_as_much_of_success_as_a_full_one():
    found = points(FAILING, 24)

    def expected(task):
        made = [
            outcome(each, FULL if index % 3 or not fails(each) else task)
            for index, each in enumerate(found)
        ]
        learned = learn(model(made, FAILING).experiment, made, 1000)
        rows = with_place(rows_at(learned.layout, found), 0.0)
        return np.sort(learned.surrogates[-1].posterior.means_at(rows)[:, 0])

    assert expected(TENTH) == pytest.approx(expected(FULL), abs=1e-6)


def test_nothing_outstanding_is_expected_where_a_cheap_evaluation_failed():
    made = [outcome(each, TENTH if fails(each) else FULL) for each in points(FAILING, 24)]
    learned = learn(model(made, FAILING).experiment, made, 1000)

    supposed = modest(learned)[0].data.points[len(learned.optimized.data.points) :]

    assert len(supposed) > 6
    assert not supposed[:, -1].any()


def test_failures_do_not_follow_each_other_for_long():
    # With this seed the last nine of 28 did, all at nearly the same point.
    made = [outcome(each, TASKS[index % 4 > 0]) for index, each in enumerate(points(FAILING, 12))]
    while len(made) < 40:
        (proposal,) = proposed(model(tuple(made), FAILING, seed=8))
        made.append(outcome(proposal.assignments, proposal.task))

    streaks = "".join("x" if each.failed else "." for each in made[12:]).split(".")
    assert max(map(len, streaks)) < 6


def test_what_is_under_way_is_known_with_its_task():
    observations = mixed(3, 9)
    (first,) = proposed(model(observations))
    problem = model(observations, pending=[first.assignments])

    (second,) = proposed(replace(problem, pending_tasks=(first.task,)))

    assert (second.assignments, second.task) != (first.assignments, first.task)


def test_a_cheap_evaluation_under_way_is_no_value_to_improve_on():
    """However good it is expected to be, only full evaluations are the best."""
    observations = mixed(4, 30, of_cheap=peak)
    pending = [{"a": 0.3, "b": 0.7}]
    values = {
        task: proposed(replace(model(observations, pending=pending), pending_tasks=(task,)))[
            0
        ].provenance.acquisition_value
        for task in TASKS
    }

    assert values[TENTH] > values[FULL] + 5.0


def test_noise_is_drawn_at_full_evaluations_alone():
    observations = tuple(
        replace(each, values={"y": Measurement(each.values["y"].value, 0.1)})
        for each in mixed(4, 12)
    )
    problem = model(observations, pending=points(SQUARE, 3, seed=5))

    (made,) = proposed(replace(problem, pending_tasks=(TENTH, FULL, TENTH)))

    assert made.task in TASKS


@pytest.mark.parametrize("fewest", [0, 1])
def test_few_full_evaluations_are_no_error(fewest):
    problem = model(mixed(2, 6))
    kept = problem.observations[: 6 + fewest]

    learned = learn(problem.experiment, kept, 1000)

    assert len(learned.observations) == 6 + fewest


def test_full_evaluations_are_learned_from_first():
    problem = model(mixed(3, 6))

    learned = learn(problem.experiment, problem.observations, 1000)

    assert [each.is_full for each in learned.observations] == [True] * 3 + [False] * 6
    assert learned.indexes.tolist() == [6, 7, 8, 0, 1, 2, 3, 4, 5]


def test_the_column_of_the_task_stays_at_the_full_one():
    layout = at_full(layout_of(SQUARE))
    rows = np.random.default_rng(1).random((5, 3))

    assert (layout.snapped(rows)[:, -1] == 0.0).all()
    assert (layout.from_units(rows)[:, -1] == 0.0).all()
    assert not layout.free[-1]


def test_tasks_lie_by_the_logarithm_of_their_costs():
    three = (FULL, TENTH, Task("hundredth", 0.01))

    assert place_of(three, FULL) == place_of(three, None) == 0.0
    assert place_of(three, TENTH) == pytest.approx(0.5 * place_of(three, three[2]))
