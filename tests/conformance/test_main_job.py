"""What a user of the service does, on every deployment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import nextpoint


def a_quadratic(client, **changes):
    definition = {
        "name": "quadratic",
        "parameters": [nextpoint.Double("x", -1, 1), nextpoint.Int("n", 1, 5)],
        "metrics": [{"name": "loss", "objective": "minimize"}],
        "budget": 10,
    }
    return client.create_experiment(**(definition | changes))


def loss(assignments) -> float:
    return assignments["x"] ** 2 + assignments["n"]


def test_a_loop_of_runs_spends_the_budget_and_finds_the_best(client, deployment):
    experiment = a_quadratic(client)

    for number, run in enumerate(experiment.loop()):
        with run:
            if number == 4:
                deployment.disturb()
            run.log_metric("loss", loss(run.params))

    runs = list(experiment.get_runs())
    assert [run.state for run in runs] == ["completed"] * 10
    (best,) = experiment.get_best_runs()
    assert best.values["loss"] == min(run.values["loss"] for run in runs)
    assert experiment.is_finished()


def test_an_exception_in_a_run_fails_it_and_is_raised(client, deployment):
    experiment = a_quadratic(client)

    run = experiment.create_run()
    deployment.disturb()

    with pytest.raises(ZeroDivisionError), run:
        raise ZeroDivisionError

    run.refresh()
    assert run.state == "failed"
    (observation,) = experiment.get_observations()
    assert observation.failed


def test_asking_and_telling_counts_against_the_budget(client, deployment):
    experiment = a_quadratic(client, budget=2)

    first = experiment.create_suggestion()
    second = experiment.create_suggestion()
    deployment.disturb()
    with pytest.raises(nextpoint.BudgetSpentError):
        experiment.create_suggestion()
    experiment.create_observation(suggestion=first, values={"loss": (1.0, 0.1)})
    experiment.create_observation(suggestion=second, failed=True)

    experiment.refresh()
    assert experiment.progress.observation_count == 2
    assert experiment.progress.failed_observation_count == 1
    assert experiment.progress.remaining_budget == 0
    assert experiment.progress.finished


def test_raising_the_budget_makes_a_finished_experiment_go_on(client, deployment):
    experiment = a_quadratic(client, budget=1)
    experiment.create_observation(suggestion=experiment.create_suggestion(), values={"loss": 1.0})
    assert experiment.is_finished()

    deployment.disturb()
    experiment.update(budget=2)

    assert not experiment.is_finished()
    assert experiment.create_suggestion().attempt == 1


def test_queued_points_come_first_in_their_order(client, deployment):
    experiment = a_quadratic(client)
    points = [{"x": 0.1, "n": 1}, {"x": 0.2, "n": 2}, {"x": 0.3, "n": 3}]

    for point in points:
        experiment.queue_suggestion(point)
    deployment.disturb()
    handed_out = [experiment.create_suggestion() for _ in range(4)]

    assert [dict(each.assignments) for each in handed_out[:3]] == points
    assert [each.provenance.generator for each in handed_out] == ["user"] * 3 + ["space_filling"]


def test_a_point_can_be_taken_out_of_the_queue_until_it_is_handed_out(client, deployment):
    experiment = a_quadratic(client)
    first, second = [experiment.queue_suggestion({"x": x, "n": 1}) for x in (0.1, 0.2)]

    experiment.delete_suggestion(first)
    deployment.disturb()

    assert experiment.create_suggestion().id == second.id
    with pytest.raises(nextpoint.StateError):
        experiment.delete_suggestion(second.id)
    with pytest.raises(nextpoint.NotFoundError):
        experiment.delete_suggestion(first)


def test_a_batch_is_taken_whole_or_not_at_all(client, deployment):
    experiment = a_quadratic(client, budget=None)
    good = {"assignments": {"x": 0.5, "n": 1}, "values": {"loss": 1.0}}
    bad = {"assignments": {"x": 0.5, "n": 1}, "values": {"gain": 1.0}}

    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        experiment.create_observations([good, bad])
    deployment.disturb()

    assert {each.field for each in refused.value.violations} == {
        "observations[1].values[0].name",
        "observations[1].values",
    }
    assert list(experiment.get_observations()) == []
    experiment.create_observations([good] * 3)
    assert len(list(experiment.get_observations())) == 3


def test_an_observation_can_be_corrected_and_deleted(client, deployment):
    experiment = a_quadratic(client, budget=3)
    suggestion = experiment.create_suggestion()
    observation = experiment.create_observation(suggestion=suggestion, values={"loss": 1.0})

    experiment.update_observation(observation, values={"loss": 2.0})
    deployment.disturb()
    (corrected,) = experiment.get_observations()
    assert corrected.values == {"loss": 2.0}
    experiment.delete_observation(observation)

    again = experiment.create_suggestion()
    assert (again.id, again.attempt) == (suggestion.id, 2)


def test_the_pareto_frontier_honours_thresholds_and_constraints(client, deployment):
    experiment = a_quadratic(
        client,
        metrics=[
            {"name": "gain"},
            {"name": "cost", "objective": "minimize", "threshold": 5.0},
            {"name": "heat", "objective": "minimize", "strategy": "constraint", "threshold": 1},
        ],
    )
    measured = [(1, 1, 1), (2, 2, 1), (3, 6, 1), (4, 4, 2), (0, 2, 0), (2, 2, 1)]
    for gain, cost, heat in measured:
        experiment.create_observation(
            assignments={"x": 0.0, "n": 1}, values={"gain": gain, "cost": cost, "heat": heat}
        )
    deployment.disturb()

    best = [(each.values["gain"], each.values["cost"]) for each in experiment.best_assignments()]

    assert best == [(2, 2), (2, 2), (1, 1)]


def test_an_archived_experiment_refuses_work_until_it_is_unarchived(client, deployment):
    experiment = a_quadratic(client)

    experiment.archive()
    deployment.disturb()

    with pytest.raises(nextpoint.ExperimentArchivedError):
        experiment.create_suggestion()
    assert experiment.id not in [each.id for each in client.list_experiments()]
    experiment.unarchive()
    assert experiment.create_suggestion().attempt == 1


def test_three_mistakes_are_three_violations(client):
    with pytest.raises(nextpoint.InvalidArgumentError) as refused:
        client.create_experiment(
            name="wrong",
            parameters=[{"name": "x", "type": "double", "bounds": {"min": 1, "max": 0}}],
            metrics=[{"name": "m", "strategy": "constraint"}, {"name": "m"}],
            budget=10,
        )

    assert {each.field for each in refused.value.violations} == {
        "parameters[0].bounds.max",
        "metrics[0].threshold",
        "metrics[1].name",
    }


def test_a_grid_is_walked_once_and_ends_the_streams(client, deployment):
    experiment = client.create_experiment(
        name="grid",
        type="grid",
        parameters=[
            nextpoint.Double("x", grid=[1, 2, 3]),
            nextpoint.Categorical("c", ["a", "b"]),
        ],
        metrics=["m"],
    )
    assert experiment.budget == 6

    seen = []
    for suggestion in experiment.suggestions(worker_id="w"):
        seen.append((suggestion.assignments["x"], suggestion.assignments["c"]))
        if len(seen) == 3:
            deployment.disturb()
        experiment.create_observation(suggestion=suggestion, values={"m": 1})

    assert seen == [(1, "a"), (2, "a"), (3, "a"), (1, "b"), (2, "b"), (3, "b")]


def test_fifty_workers_meet_the_budget_exactly(client, deployment):
    experiment = a_quadratic(client, budget=120, parallel_bandwidth=50)
    handed_out: list[tuple[str, int]] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        for suggestion in experiment.suggestions(worker_id=f"worker {number}"):
            with lock:
                handed_out.append((suggestion.id, suggestion.attempt))
                disturb = len(handed_out) == 60
            if disturb:
                deployment.disturb()
            experiment.create_observation(
                suggestion=suggestion, values={"loss": loss(suggestion.assignments)}
            )

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(work, range(50)))

    assert experiment.is_finished()
    progress = experiment.progress
    assert progress.observation_count - progress.repeated_observation_count == 120
    assert experiment.progress.open_suggestion_count == 0
    assert len({suggestion_id for suggestion_id, _ in handed_out}) == 120
    assert len(set(handed_out)) == len(handed_out)


def test_the_suggestion_of_a_worker_that_dies_reaches_another(client, deployment):
    experiment = a_quadratic(client, budget=1)
    dying = iter(experiment.suggestions(worker_id="dying"))
    lost = next(dying)
    dying.close()
    deployment.disturb()

    for rescued in experiment.suggestions(worker_id="living"):
        experiment.create_observation(suggestion=rescued, values={"loss": 1.0})

    assert (rescued.id, rescued.attempt) == (lost.id, 2)
    assert experiment.is_finished()


def test_what_is_given_back_keeps_the_search_from_being_finished(client):
    experiment = a_quadratic(client, budget=1)
    seen = []
    for suggestion in experiment.suggestions():
        seen.append(suggestion.id)
        break
    for run in experiment.loop():
        seen.append(run.suggestion_id)
        break

    assert not experiment.is_finished()
    assert seen == [experiment.create_suggestion().id] * 2


def test_a_worker_that_comes_back_gets_what_it_held(client, deployment):
    experiment = a_quadratic(client, budget=3)
    with nextpoint.Client(client.address) as dying:
        before = dying.get_experiment(experiment.id).suggestions(worker_id="w", max_outstanding=2)
        held = [next(before), next(before)]
    deployment.disturb()

    after = iter(experiment.suggestions(worker_id="w", max_outstanding=2))
    resumed = [next(after), next(after)]
    after.close()

    assert [(each.id, each.attempt) for each in resumed] == [(each.id, 1) for each in held]


def test_the_result_of_a_worker_that_was_given_up_is_kept(client, deployment):
    experiment = a_quadratic(client, budget=1)
    late = experiment.create_suggestion(worker_id="late", lease_duration=1)
    client.close()

    with nextpoint.Client(deployment.address) as other:
        same = other.get_experiment(experiment.id)
        for rescued in same.suggestions(worker_id="second"):
            same.create_observation(suggestion=rescued, values={"loss": 1.0})
        same.create_observation(suggestion=late, values={"loss": 2.0})

        assert (rescued.id, rescued.attempt) == (late.id, 2)
        assert [each.suggestion_id for each in same.get_observations()] == [late.id, late.id]
