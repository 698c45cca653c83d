"""Tasks: their rules, their turns, what they cost, and what fits into a budget."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import NOW, a_draft, a_metric, an_experiment, an_observation, progress

from nextpoint_service.domain.best_practices import Advice, against_advice
from nextpoint_service.domain.definition import define
from nextpoint_service.domain.errors import InvalidRequest
from nextpoint_service.domain.experiment import Engine, ExperimentType, Strategy
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.metric_rules import MetricDraft
from nextpoint_service.domain.observation import best
from nextpoint_service.domain.report import ObservationDraft, ValueDraft, check_observation
from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace
from nextpoint_service.domain.stopping import StoppingReason, stopping_reasons
from nextpoint_service.domain.task_rules import TaskDraft
from nextpoint_service.domain.tasks import Spending, Task, fitting, in_turn
from nextpoint_service.domain.violations import Violations

FULL, HALF, TENTH = TASKS = (Task("full", 1.0), Task("half", 0.5), Task("tenth", 0.1))
DRAFTS = tuple(TaskDraft(each.name, each.cost) for each in reversed(TASKS))
LINE = SearchSpace((DoubleParameter("x", 0.0, 1.0),))


def defined(**fields):
    fields = {"tasks": DRAFTS, "budget": 20, **fields}
    return define(a_draft(**fields), Limits(), "exp_1", NOW)


def refused(**fields):
    with pytest.raises(InvalidRequest) as caught:
        defined(**fields)
    return [each.field for each in caught.value.violations]


def spent(evaluated=0.0, leased=0.0, waiting=0.0):
    """Return the progress of an experiment with tasks and a budget of 20."""
    amounts = [Fraction(str(each)) for each in (evaluated, leased, waiting)]
    spending = Spending(amounts[0], amounts[1], amounts[1] + amounts[2], TENTH.amount)
    return progress(spending=spending)


def test_tasks_are_in_the_order_of_their_costs_with_the_full_one_first():
    assert defined().tasks == TASKS


def test_an_experiment_may_have_none():
    assert defined(tasks=()).tasks == ()


@pytest.mark.parametrize(
    ("drafts", "fields"),
    [
        ([("full", 1.0)], ["tasks"]),
        ([(f"t{number}", number / 21) for number in range(1, 22)], ["tasks"]),
        ([("a", 0.5), ("b", 0.25)], ["tasks"]),
        ([("a", 1.0), ("a", 0.5)], ["tasks[1].name"]),
        ([("a", 1.0), ("b", 1.0)], ["tasks[1].cost"]),
        ([("a", 1.0), ("", 0.5)], ["tasks[1].name"]),
        ([("a", 1.0), (" b", 0.5)], ["tasks[1].name"]),
        ([("a", 1.0), ("b", None)], ["tasks[1].cost"]),
        ([("a", 1.0), ("b", 0.0)], ["tasks[1].cost"]),
        ([("a", 1.0), ("b", -0.5)], ["tasks[1].cost"]),
        ([("a", 1.0), ("b", 1.5)], ["tasks[1].cost"]),
        ([("a", 1.0), ("b", math.nan)], ["tasks[1].cost"]),
        ([("a", 1.0), ("b", math.inf)], ["tasks[1].cost"]),
    ],
)
def test_a_faulty_task_is_refused_with_its_path(drafts, fields):
    assert refused(tasks=tuple(TaskDraft(*each) for each in drafts)) == fields


LIMITED = MetricDraft("loss", strategy=Strategy.CONSTRAINT, threshold=1.0)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"type": ExperimentType.RANDOM}, "tasks"),
        ({"metrics": (MetricDraft("a"), MetricDraft("b"))}, "tasks"),
        ({"metrics": (MetricDraft("a"), LIMITED)}, "tasks"),
        ({"num_solutions": 2}, "tasks"),
        ({"engine": Engine.AX}, "tasks"),
        ({"budget": None}, "budget"),
    ],
)
def test_what_does_not_go_together_with_tasks_is_refused(fields, path):
    assert refused(**fields) == [path]


def observing(experiment, **fields):
    violations = Violations()
    draft = ObservationDraft(values=(ValueDraft("taste", 1.0),), **fields)
    check_observation(experiment, draft, violations, Limits())
    return [each.field for each in violations.found]


def test_assignments_of_ones_own_name_their_task_and_suggestions_do_not():
    experiment, plain = an_experiment(space=LINE, tasks=TASKS), an_experiment(space=LINE)
    own = {"assignments": {"x": 0.5}}

    assert observing(experiment, **own, task="tenth") == []
    assert observing(experiment, **own) == ["task"]
    assert observing(experiment, **own, task="tiny") == ["task"]
    assert observing(plain, **own) == []
    assert observing(plain, **own, task="full") == ["task"]
    assert observing(experiment, suggestion_id="sug_1") == []
    assert observing(experiment, suggestion_id="sug_1", task="full") == ["task"]


def test_a_cost_counts_as_it_is_written():
    assert 10 * TENTH.amount == 1
    assert Task("a millionth", 1e-6).amount == Fraction(1, 10**6)


@pytest.mark.parametrize("count", [5, 12, 20, 100])
def test_cheaper_tasks_have_their_turn_more_often(count):
    turns = Counter(in_turn(TASKS, index) for index in range(count))

    assert turns[TENTH] >= turns[HALF] >= 1
    assert turns[FULL] == pytest.approx(count / 4, abs=1)


@pytest.mark.parametrize("cost", [1e-6, 0.1, 0.9])
def test_a_start_of_five_points_has_two_full_evaluations(cost):
    two = (FULL, Task("cheap", cost))

    assert sum(in_turn(two, index).is_full for index in range(5)) == 2


AMOUNTS = st.decimals("0.1", "6", places=1).map(Fraction)


@given(st.sampled_from(TASKS), AMOUNTS)
def test_what_is_handed_out_fits_into_the_budget(wanted, left):
    assert fitting(TASKS, wanted, left).amount <= left


@given(AMOUNTS, st.lists(st.sampled_from(TASKS), min_size=60, max_size=60))
def test_a_budget_that_has_room_for_a_full_evaluation_ends_with_one(left, wanted):
    has_room = left >= FULL.amount
    handed_out = []
    for each in wanted:
        if left < TENTH.amount:
            break
        handed_out.append(fitting(TASKS, each, left))
        left -= handed_out[-1].amount
    else:
        return

    assert left < TENTH.amount
    assert (handed_out[-1] is FULL) == has_room


def test_without_a_limit_and_with_room_the_wanted_task_is_taken():
    assert fitting(TASKS, HALF, None) is HALF
    assert fitting(TASKS, TENTH, Fraction(2)) is TENTH


def test_progress_counts_costs():
    here = spent(evaluated=2.3, leased=0.5, waiting=0.1)

    assert here.consumed == Fraction("2.3")
    assert here.left == Fraction("17.1")
    assert here.remaining == 17
    assert here.remaining_at_most == 171


def test_it_is_finished_when_not_even_the_cheapest_fits():
    assert spent(evaluated=19.91).finished
    assert not spent(evaluated=19.9).finished
    assert not spent(evaluated=19.0, leased=1.0).finished


def test_there_is_room_while_the_cheapest_fits():
    assert spent(evaluated=19.0, waiting=0.9).has_room(beside_waiting=True)
    assert not spent(evaluated=19.0, waiting=1.0).has_room(beside_waiting=True)
    assert spent(evaluated=19.0, waiting=1.0).has_room(beside_waiting=False)
    assert not spent(evaluated=19.0, leased=1.0).has_room(beside_waiting=False)


def observed(*pairs):
    return [
        an_observation({"taste": float(value)}, observation_id=f"obs_{index}", task=task)
        for index, (value, task) in enumerate(pairs)
    ]


def test_only_full_evaluations_are_best():
    found = best(an_experiment(tasks=TASKS), observed((9, TENTH), (5, FULL), (7, HALF), (4, FULL)))

    assert [each.observation_id for each in found] == ["obs_1"]


def test_only_full_evaluations_stagnate():
    experiment = an_experiment(space=LINE, tasks=TASKS, metrics=(a_metric(),))
    stagnating = [(9, FULL)] * 10
    reason = (StoppingReason.POSSIBLE_STAGNATION,)

    assert stopping_reasons(experiment, spent(), observed(*stagnating)) == reason
    cheap = [(99, TENTH), *stagnating, *[(0, TENTH)] * 20]
    assert stopping_reasons(experiment, spent(), observed(*cheap)) == reason
    assert stopping_reasons(experiment, spent(), observed(*[(9, TENTH)] * 30)) == ()


def test_what_costs_more_than_the_budget_goes_against_advice():
    experiment = an_experiment(tasks=TASKS)

    (advice,) = against_advice(experiment, spent(evaluated=20.1), Advice())

    assert (advice.field, "cost 20.1" in advice.description) == ("budget", True)
    assert against_advice(experiment, spent(evaluated=20.0), Advice()) == ()
