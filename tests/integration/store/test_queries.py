"""Every question of the ports gets its answer."""

from datetime import timedelta

import pytest

from nextpoint_service.application.ports import ExperimentFilter, Page
from nextpoint_service.domain.experiment import ExperimentState
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.suggestion import SuggestionState

ALL = Page(limit=1000)
QUEUED, LEASED, WAITING, OBSERVED, WITHDRAWN = SuggestionState


@pytest.fixture
def two(tx, make):
    """A transaction with the experiments exp_1 and exp_2."""
    tx.experiments.add(make.experiment())
    tx.experiments.add(make.experiment(experiment_id="exp_2"))
    return tx


def ids(listed):
    return [getattr(each, type(each).__name__.lower() + "_id") for _, each in listed]


def test_experiments_are_listed_by_project_state_and_name(tx, make):
    for number, changes in enumerate(
        (
            {"project": "a", "name": "Bread"},
            {"project": "b", "name": "bread 2"},
            {"project": "a", "name": "RYE BREAD", "state": ExperimentState.ARCHIVED},
            {"project": "a", "name": "100%"},
        )
    ):
        tx.experiments.add(make.experiment(experiment_id=f"exp_{number}", **changes))

    def found(**which):
        return ids(tx.experiments.list(ExperimentFilter(**which), ALL))

    assert found() == ["exp_3", "exp_2", "exp_1", "exp_0"]
    assert found(project="a") == ["exp_3", "exp_2", "exp_0"]
    assert found(state=ExperimentState.ARCHIVED) == ["exp_2"]
    assert found(project="a", state=ExperimentState.ACTIVE) == ["exp_3", "exp_0"]
    assert found(name_contains="bREAD") == ["exp_2", "exp_1", "exp_0"]
    assert found(name_contains="%") == ["exp_3"]
    assert found(project="c") == []


def test_the_first_suggestion_of_a_state_is_the_one_created_first(two, make):
    for state in (OBSERVED, WAITING, QUEUED, LEASED, QUEUED, WAITING):
        two.suggestions.add(make.suggestion(state))

    assert two.suggestions.first("exp_1", QUEUED).suggestion_id == "sug_3"
    assert two.suggestions.first("exp_1", WAITING).suggestion_id == "sug_2"
    assert two.suggestions.first("exp_2", QUEUED) is None


def test_what_nobody_holds_is_what_waits_and_what_is_queued(two, make):
    for state in (OBSERVED, WAITING, QUEUED, LEASED, QUEUED, WITHDRAWN):
        two.suggestions.add(make.suggestion(state))

    unheld = two.suggestions.unheld("exp_1")

    assert {each.suggestion_id for each in unheld} == {"sug_2", "sug_3", "sug_5"}
    assert two.suggestions.unheld("exp_2") == []


def test_a_point_that_was_withdrawn_is_not_taken(two, make):
    withdrawn = make.suggestion(WAITING)
    two.suggestions.add(withdrawn)
    assert two.suggestions.is_taken("exp_1", withdrawn.assignments)

    two.suggestions.save(withdrawn.withdraw())

    assert not two.suggestions.is_taken("exp_1", withdrawn.assignments)


def test_the_first_waiting_suggestion_is_the_one_created_first_not_the_one_that_waits_longest(
    two, make
):
    first, second = make.suggestion(LEASED), make.suggestion(LEASED)
    for each in (first, second):
        two.suggestions.add(each)

    two.suggestions.save(second.release(1))
    two.suggestions.save(first.release(1))

    assert two.suggestions.first("exp_1", WAITING).suggestion_id == "sug_1"


def test_a_worker_holds_what_is_leased_to_it_in_this_experiment(two, make):
    held = [make.suggestion(LEASED), make.suggestion(LEASED)]
    released = make.suggestion(LEASED)
    for each in (
        held[0],
        make.suggestion(LEASED, worker_id="other"),
        released,
        make.suggestion(LEASED, experiment_id="exp_2"),
        held[1],
    ):
        two.suggestions.add(each)
    two.suggestions.save(released.observe())

    assert two.suggestions.held_by("exp_1", "oven") == held
    assert two.suggestions.held_count("exp_1", "oven") == len(held)


def test_leases_of_all_experiments_end_at_or_before_their_time(two, make):
    second = timedelta(seconds=1)
    late = make.suggestion(LEASED, expires=make.now + timedelta(microseconds=1))
    on_time = make.suggestion(LEASED, expires=make.now, experiment_id="exp_2")
    early = make.suggestion(LEASED, expires=make.now - second)
    released = make.suggestion(LEASED, expires=make.now - second)
    for each in (late, on_time, early, released):
        two.suggestions.add(each)
    two.suggestions.save(released.release(1))

    assert two.suggestions.leases_ending(make.now) == [early, on_time]


def test_a_renewed_lease_does_not_end_at_its_old_time(two, make):
    suggestion = make.suggestion(LEASED, expires=make.now)
    two.suggestions.add(suggestion)

    two.suggestions.save(suggestion.renew(1, make.now + timedelta(seconds=1)))

    assert two.suggestions.leases_ending(make.now) == []


def test_open_points_are_those_leased_waiting_or_queued(two, make):
    for state in (QUEUED, OBSERVED, LEASED, WAITING):
        two.suggestions.add(make.suggestion(state))
    two.suggestions.add(make.suggestion(QUEUED, experiment_id="exp_2"))

    assert two.suggestions.open_points("exp_1") == [
        ({"heat": 1.0}, None),
        ({"heat": 3.0}, None),
        ({"heat": 4.0}, None),
    ]


def test_a_point_is_taken_by_a_suggestion_or_an_observation_of_the_experiment(two, make):
    two.suggestions.add(make.suggestion(OBSERVED, assignments={"x": 1.0, "n": 2, "b": True}))
    two.observations.add(make.observation(assignments={"x": 0.5, "n": 0, "b": False}))

    def is_taken(experiment_id="exp_1", **point):
        return two.suggestions.is_taken(experiment_id, point)

    assert is_taken(x=1.0, n=2, b=True)
    assert is_taken(n=2, b=True, x=1.0)
    assert is_taken(x=0.5, n=0, b=False)
    assert not is_taken(x=1.0000000000000002, n=2, b=True)
    assert not is_taken(x=1.0, n=2, b=False)
    assert not is_taken(x=1.0, n=2)
    assert not is_taken("exp_2", x=1.0, n=2, b=True)


@pytest.mark.parametrize(
    ("stored", "asked", "is_taken"),
    [
        (1, 1.0, True),
        (1.0, 1, True),
        (-0.0, 0.0, True),
        (0, -0.0, True),
        (2**53, float(2**53), True),
        (2**53 + 1, float(2**53), False),
        (1e300, int(1e300), True),
        (0.1 + 0.2, 0.3, False),
        (1, True, False),
        (1, "1", False),
        (True, "true", False),
        ("é", "e\u0301", False),
    ],
)
def test_numbers_are_the_same_point_by_value(two, make, stored, asked, is_taken):
    two.suggestions.add(make.suggestion(assignments={"x": stored}))

    assert two.suggestions.is_taken("exp_1", {"x": asked}) is is_taken


def test_a_point_is_free_again_when_its_observation_is_deleted(two, make):
    two.observations.add(make.observation(assignments={"x": 1}))

    two.observations.delete("obs_1")

    assert not two.suggestions.is_taken("exp_1", {"x": 1})


def test_the_next_cell_is_above_every_cell_there_is(two, make):
    assert two.suggestions.next_cell("exp_1") == 0

    two.suggestions.add(make.suggestion(), cell=7)
    two.suggestions.add(make.suggestion(), cell=2)
    two.suggestions.add(make.suggestion())

    assert two.suggestions.next_cell("exp_1") == 8
    assert two.suggestions.next_cell("exp_2") == 0


def test_suggestions_are_counted_whatever_their_state(two, make):
    for state in SuggestionState:
        two.suggestions.add(make.suggestion(state))

    assert two.suggestions.count("exp_1") == 5
    assert two.suggestions.count("exp_2") == 0


def test_observations_come_in_the_order_of_their_creation(two, make):
    observations = [make.observation(observation_id=each) for each in ("obs_b", "obs_a", "obs_c")]
    for each in observations:
        two.observations.add(each)
    two.observations.add(make.observation(experiment_id="exp_2"))

    assert two.observations.all("exp_1") == observations


def test_observations_are_counted(two, make):
    for each in (make.observation(), make.observation(failed=True, values={})):
        two.observations.add(each)
    assert two.observations.count("exp_1") == 2

    two.observations.delete("obs_1")
    assert two.observations.count("exp_1") == 1
    assert two.observations.count("exp_2") == 0


def test_a_suggestion_has_observations_until_the_last_is_deleted(two, make):
    two.suggestions.add(make.suggestion())
    assert not two.observations.exists_for("sug_1")

    two.observations.add(make.observation(suggestion_id="sug_1"))
    two.observations.add(make.observation(suggestion_id="sug_1"))
    two.observations.delete("obs_1")
    assert two.observations.exists_for("sug_1")

    two.observations.delete("obs_2")
    assert not two.observations.exists_for("sug_1")


def test_recent_seconds_are_those_of_the_newest_timed_evaluations(two, make):
    for seconds in (1.0, 2.0, None, 4.0, 0.5, None):
        two.observations.add(make.observation(seconds=seconds))
    two.observations.add(make.observation(seconds=9.0, experiment_id="exp_2"))

    assert two.observations.recent_seconds("exp_1", 3) == [0.5, 4.0, 2.0]
    assert two.observations.recent_seconds("exp_1", 10) == [0.5, 4.0, 2.0, 1.0]


def test_a_suggestion_has_at_most_one_active_run(two, make):
    for _ in range(2):
        two.suggestions.add(make.suggestion())
    lapsed = make.run(suggestion_id="sug_1", state=RunState.LAPSED)
    active = make.run(suggestion_id="sug_1")
    for each in (lapsed, active):
        two.runs.add(each)

    assert two.runs.active_for("sug_1") == active
    assert two.runs.active_for("sug_2") is None

    two.runs.save(active.lapse())
    assert two.runs.active_for("sug_1") is None


def test_lists_are_newest_first_and_can_be_of_one_state(two, make):
    for state in (QUEUED, LEASED, QUEUED):
        two.suggestions.add(make.suggestion(state))
    two.suggestions.add(make.suggestion(experiment_id="exp_2"))
    for run in (make.run(state=RunState.LAPSED), make.run(), make.run()):
        two.runs.add(run)
    for _ in range(2):
        two.observations.add(make.observation())

    assert ids(two.suggestions.list("exp_1", None, ALL)) == ["sug_3", "sug_2", "sug_1"]
    assert ids(two.suggestions.list("exp_1", QUEUED, ALL)) == ["sug_3", "sug_1"]
    assert ids(two.runs.list("exp_1", None, ALL)) == ["run_3", "run_2", "run_1"]
    assert ids(two.runs.list("exp_1", RunState.ACTIVE, ALL)) == ["run_3", "run_2"]
    assert ids(two.observations.list("exp_1", ALL)) == ["obs_2", "obs_1"]
    assert two.runs.list("exp_2", None, ALL) == []


def test_pages_hold_still_while_things_are_added_and_deleted(two, make):
    for _ in range(7):
        two.observations.add(make.observation())

    first = two.observations.list("exp_1", Page(3))
    two.observations.add(make.observation())
    two.observations.delete("obs_5")
    second = two.observations.list("exp_1", Page(3, before=first[-1][0]))
    two.observations.add(make.observation())
    third = two.observations.list("exp_1", Page(3, before=second[-1][0]))

    assert ids(first) == ["obs_7", "obs_6", "obs_5"]
    assert ids(second) == ["obs_4", "obs_3", "obs_2"]
    assert ids(third) == ["obs_1"]
    assert two.observations.list("exp_1", Page(3, before=third[-1][0])) == []
    assert two.observations.list("exp_1", Page(3, before=first[0][0]))[0] == first[1]


def test_the_position_of_a_deleted_observation_does_not_come_back(two, make):
    two.observations.add(make.observation())
    [(position, _)] = two.observations.list("exp_1", ALL)

    two.observations.delete("obs_1")
    two.observations.add(make.observation())

    [(new_position, _)] = two.observations.list("exp_1", ALL)
    assert new_position > position
