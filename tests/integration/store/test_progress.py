"""The counters always say what counting would say."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextpoint_service.domain.experiment import Progress
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.search_space import cell
from nextpoint_service.domain.suggestion import SuggestionState

QUEUED, LEASED, WAITING, OBSERVED = SuggestionState


def test_a_new_experiment_has_made_no_progress(tx, make):
    tx.experiments.add(make.experiment(budget=None))

    assert tx.experiments.progress(make.experiment(budget=None)) == Progress(
        observations=0,
        failed=0,
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
    for state in (QUEUED, QUEUED, QUEUED, LEASED, LEASED, WAITING, OBSERVED):
        tx.suggestions.add(make.suggestion(state))
    tx.runs.add(make.run())
    tx.runs.add(make.run(state=RunState.LAPSED))
    tx.observations.add(make.observation(suggestion_id="sug_7"))
    tx.observations.add(make.observation(failed=True, values={}))

    assert tx.experiments.progress(experiment) == Progress(
        observations=2,
        failed=1,
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


@given(steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_changes_the_counters_say_what_counting_would_say(connection, tx, make, steps):
    grid = make.grid()
    suggestions, observations = {}, {}
    connection.execute("SAVEPOINT example")
    tx.experiments.add(grid)

    for step, number in steps:
        point = cell(grid.space, number)
        chosen = [*suggestions.values()][number % max(1, len(suggestions)) :][:1]
        outcomes = [*observations.values()][number % max(1, len(observations)) :][:1]
        match step:
            case 0:
                suggestions |= add_suggestion(tx, make, assignments=point)
            case 1:
                observations |= add_observation(tx, make, assignments=point)
            case 2:
                for each in chosen:
                    observations |= add_observation(
                        tx,
                        make,
                        suggestion_id=each.suggestion_id,
                        assignments=each.assignments,
                        failed=number % 2 == 0,
                    )
            case 3:
                for each in chosen:
                    moved = replace(each, state=[QUEUED, WAITING, OBSERVED][number % 3])
                    tx.suggestions.save(moved)
                    suggestions[each.suggestion_id] = moved
            case 4:
                for each in outcomes:
                    corrected = replace(each, failed=not each.failed)
                    tx.observations.save(corrected)
                    observations[each.observation_id] = corrected
            case 5:
                for each in outcomes:
                    tx.observations.delete(each.observation_id)
                    del observations[each.observation_id]

    progress = tx.experiments.progress(grid)
    count = tx.suggestions.count("exp_1")
    successes = tx.observations.successes("exp_1")
    connection.execute("ROLLBACK TO example")

    states = [each.state for each in suggestions.values()]
    covered = {
        tuple(each.assignments.values()) for each in [*suggestions.values(), *observations.values()]
    }
    failures = sum(each.failed for each in observations.values())
    assert progress == Progress(
        observations=len(observations),
        failed=failures,
        leased_suggestions=0,
        open_suggestions=states.count(WAITING),
        queued_suggestions=states.count(QUEUED),
        active_runs=0,
        budget=12,
        cells_left=12 - len(covered),
    )
    assert (count, successes) == (len(suggestions), len(observations) - failures)


def add_suggestion(tx, make, **changes):
    suggestion = make.suggestion(**changes)
    tx.suggestions.add(suggestion)
    return {suggestion.suggestion_id: suggestion}


def add_observation(tx, make, **changes):
    observation = make.observation(**changes)
    tx.observations.add(observation)
    return {observation.observation_id: observation}
