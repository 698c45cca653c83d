"""What evaluations cost, and that a point is another one with another task."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextpoint_service.domain.suggestion import SuggestionState
from nextpoint_service.domain.tasks import Spending, Task

QUEUED, LEASED, WAITING, OBSERVED, _ = SuggestionState
FULL, THIRD, TENTH = TASKS = (Task("full", 1.0), Task("third", 0.3), Task("tenth", 0.1))
AMOUNTS = {FULL: Fraction(1), THIRD: Fraction(3, 10), TENTH: Fraction(1, 10)}


@pytest.fixture
def experiment(tx, make):
    experiment = make.experiment(tasks=TASKS)
    tx.experiments.add(experiment)
    return experiment


def test_without_tasks_there_is_no_spending(tx, make):
    tx.experiments.add(make.experiment())

    assert tx.experiments.progress(make.experiment()).spending is None


def test_each_thing_costs_what_its_task_says(tx, make, experiment):
    for state in (QUEUED, LEASED, LEASED, WAITING):
        tx.suggestions.add(make.suggestion(state, task=TENTH))
    tx.suggestions.add(make.suggestion(LEASED, task=FULL))
    tx.suggestions.add(make.suggestion(OBSERVED, task=THIRD))
    tx.observations.add(make.observation(suggestion_id="sug_6", task=THIRD))
    tx.observations.add(make.observation(task=TENTH))

    assert tx.experiments.progress(experiment).spending == Spending(
        evaluated=Fraction(4, 10),
        leased=Fraction(12, 10),
        open=Fraction(13, 10),
        cheapest=Fraction(1, 10),
    )


def test_further_outcomes_of_a_suggestion_cost_nothing(tx, make, experiment):
    tx.suggestions.add(make.suggestion(OBSERVED, task=THIRD))
    for _ in range(3):
        tx.observations.add(make.observation(suggestion_id="sug_1", task=THIRD))
    tx.observations.delete("obs_1")

    assert tx.experiments.progress(experiment).consumed == Fraction(3, 10)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), max_size=50))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_changes_the_counters_say_what_a_sum_would_say(connection, tx, make, steps):
    connection.execute("SAVEPOINT example")
    try:
        experiment = make.experiment(tasks=TASKS)
        tx.experiments.add(experiment)
        suggestions, observations = {}, {}
        for step, number in steps:
            task = TASKS[number % 3]
            of_one = [*suggestions.values()][number % len(suggestions) :][:1] if suggestions else []
            match step, of_one:
                case 0, _:
                    made = make.suggestion(WAITING, task=task)
                    tx.suggestions.add(made)
                    suggestions[made.suggestion_id] = made
                case 1, _:
                    own = make.observation(task=task)
                    tx.observations.add(own)
                    observations[own.observation_id] = own
                case 2, [each]:
                    made = make.observation(suggestion_id=each.suggestion_id, task=each.task)
                    tx.observations.add(made)
                    observations[made.observation_id] = made
                case 3, [each]:
                    moved = replace(each, state=(QUEUED, WAITING, OBSERVED)[number % 3])
                    tx.suggestions.save(moved)
                    suggestions[each.suggestion_id] = moved
                case 4, _ if observations:
                    gone = [*observations][number % len(observations)]
                    tx.observations.delete(gone)
                    del observations[gone]
                case 5, [each]:
                    observed = {other.suggestion_id for other in observations.values()}
                    if each.suggestion_id not in observed:
                        tx.suggestions.delete(each.suggestion_id)
                        del suggestions[each.suggestion_id]

        once = {each.suggestion_id or each.observation_id: each for each in observations.values()}
        waiting = [each for each in suggestions.values() if each.state is WAITING]
        found = tx.experiments.progress(experiment).spending
        assert found.evaluated == sum(AMOUNTS[each.task] for each in once.values())
        assert (found.leased, found.open) == (0, sum(AMOUNTS[each.task] for each in waiting))
    finally:
        connection.execute("ROLLBACK TO example")


def test_a_point_is_taken_for_one_task_alone(tx, make, experiment):
    point = {"heat": 1.0}
    tx.suggestions.add(make.suggestion(assignments=point, task=TENTH))
    tx.observations.add(make.observation(assignments={"heat": 2.0}, task=FULL))

    assert tx.suggestions.is_taken("exp_1", point, TENTH)
    assert not tx.suggestions.is_taken("exp_1", point, FULL)
    assert tx.suggestions.is_taken("exp_1", {"heat": 2.0}, FULL)
    assert not tx.suggestions.is_taken("exp_1", {"heat": 2.0}, TENTH)
    assert not tx.suggestions.is_taken("exp_1", point)


def test_open_points_come_with_their_tasks(tx, make, experiment):
    for number, (state, task) in enumerate(
        [(LEASED, FULL), (OBSERVED, THIRD), (QUEUED, TENTH), (WAITING, THIRD)]
    ):
        tx.suggestions.add(make.suggestion(state, assignments={"heat": float(number)}, task=task))

    assert tx.suggestions.open_points("exp_1") == [
        ({"heat": 0.0}, FULL),
        ({"heat": 2.0}, TENTH),
        ({"heat": 3.0}, THIRD),
    ]
