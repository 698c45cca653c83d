"""The counters always say what counting would say."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextpoint_service.domain.experiment import Progress
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.search_space import cell
from nextpoint_service.domain.suggestion import SuggestionState

QUEUED, LEASED, WAITING, OBSERVED, WITHDRAWN = SuggestionState


def test_a_new_experiment_has_made_no_progress(tx, make):
    tx.experiments.add(make.experiment(budget=None))

    assert tx.experiments.progress(make.experiment(budget=None)) == Progress(
        observations=0,
        failed=0,
        repeated=0,
        leased_suggestions=0,
        open_suggestions=0,
        queued_suggestions=0,
        active_runs=0,
        budget=None,
        cells_left=None,
    )


def test_progress_counts_each_thing_once(tx, make):
    experiment = make.experiment()
    tx.experiments.add(experiment)
    for state in (QUEUED, QUEUED, QUEUED, LEASED, LEASED, WAITING, OBSERVED, WITHDRAWN):
        tx.suggestions.add(make.suggestion(state))
    tx.runs.add(make.run())
    tx.runs.add(make.run(state=RunState.LAPSED))
    tx.observations.add(make.observation(suggestion_id="sug_7"))
    tx.observations.add(make.observation(failed=True, values={}))

    assert tx.experiments.progress(experiment) == Progress(
        observations=2,
        failed=1,
        repeated=0,
        leased_suggestions=2,
        open_suggestions=3,
        queued_suggestions=3,
        active_runs=1,
        budget=20,
    )


def test_a_cell_is_left_until_a_suggestion_or_an_own_observation_has_it(tx, make):
    grid = make.grid()
    tx.experiments.add(grid)

    def left_after_observing(index):
        tx.observations.add(make.observation(assignments=cell(grid.space, index)))
        return tx.experiments.progress(grid).cells_left

    def left_after_suggesting(index):
        tx.suggestions.add(make.suggestion(assignments=cell(grid.space, index)), cell=index)
        return tx.experiments.progress(grid).cells_left

    assert tx.experiments.progress(grid).cells_left == 12
    assert left_after_suggesting(0) == 11
    assert left_after_observing(0) == 11
    assert left_after_observing(5) == 10
    assert left_after_observing(5) == 10
    assert left_after_suggesting(5) == 10

    tx.observations.delete("obs_1")
    tx.observations.delete("obs_2")
    tx.observations.delete("obs_3")
    assert tx.experiments.progress(grid).cells_left == 10


def test_deleting_the_last_own_observation_of_a_cell_leaves_it_again(tx, make):
    grid = make.grid()
    tx.experiments.add(grid)
    for _ in range(2):
        tx.observations.add(make.observation(assignments={"heat": 0, "minutes": 1, "steam": True}))

    tx.observations.delete("obs_1")
    assert tx.experiments.progress(grid).cells_left == 11

    tx.observations.delete("obs_2")
    assert tx.experiments.progress(grid).cells_left == 12


class Counted:
    """Changes the database, and keeps what a count is taken from."""

    def __init__(self, tx, make):
        self.tx, self.make, self.grid = tx, make, make.grid()
        self.suggestions, self.observations, self.made = {}, {}, 0
        tx.experiments.add(self.grid)

    def suggest(self, number):
        suggestion = self.make.suggestion(assignments=cell(self.grid.space, number))
        self.tx.suggestions.add(suggestion)
        self.made += 1
        self.suggestions[suggestion.suggestion_id] = suggestion

    def observe_own(self, number):
        self._observe(assignments=cell(self.grid.space, number))

    def observe_suggestion(self, number):
        for each in self._one_of(self.suggestions, number):
            self._observe(
                suggestion_id=each.suggestion_id, assignments=each.assignments, failed=number > 5
            )

    def move(self, number):
        for each in self._one_of(self.suggestions, number):
            moved = replace(each, state=(QUEUED, WAITING, OBSERVED)[number % 3])
            self.tx.suggestions.save(moved)
            self.suggestions[each.suggestion_id] = moved

    def correct(self, number):
        for each in self._one_of(self.observations, number):
            corrected = replace(each, failed=not each.failed)
            self.tx.observations.save(corrected)
            self.observations[each.observation_id] = corrected

    def delete(self, number):
        for each in self._one_of(self.observations, number):
            self.tx.observations.delete(each.observation_id)
            del self.observations[each.observation_id]

    def forget(self, number):
        observed = {each.suggestion_id for each in self.observations.values()}
        for each in self._one_of(self.suggestions, number):
            if each.suggestion_id not in observed:
                self.tx.suggestions.delete(each.suggestion_id)
                del self.suggestions[each.suggestion_id]

    def progress(self):
        states = [each.state for each in self.suggestions.values()]
        observed = [each.suggestion_id for each in self.observations.values() if each.suggestion_id]
        known = [*self.suggestions.values(), *self.observations.values()]
        return Progress(
            observations=len(self.observations),
            failed=sum(each.failed for each in self.observations.values()),
            repeated=len(observed) - len(set(observed)),
            leased_suggestions=0,
            open_suggestions=states.count(WAITING),
            queued_suggestions=states.count(QUEUED),
            active_runs=0,
            budget=12,
            cells_left=12 - len({tuple(each.assignments.values()) for each in known}),
        )

    def _observe(self, **changes):
        observation = self.make.observation(**changes)
        self.tx.observations.add(observation)
        self.observations[observation.observation_id] = observation

    def _one_of(self, things, number):
        return [*things.values()][number % len(things) :][:1] if things else []


STEPS = (
    Counted.suggest,
    Counted.observe_own,
    Counted.observe_suggestion,
    Counted.move,
    Counted.correct,
    Counted.delete,
    Counted.forget,
)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_changes_the_counters_say_what_counting_would_say(connection, tx, make, steps):
    connection.execute("SAVEPOINT example")
    try:
        counted = Counted(tx, make)
        for step, number in steps:
            step(counted, number)

        progress = tx.experiments.progress(counted.grid)
        assert progress == counted.progress()
        assert tx.suggestions.count("exp_1") == counted.made
        assert tx.observations.count("exp_1") == progress.observations
    finally:
        connection.execute("ROLLBACK TO example")
