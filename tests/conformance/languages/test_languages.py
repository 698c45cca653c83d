"""Every language plays the same scenario, and all of them share one experiment."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conformance.languages.conftest import LANGUAGES

import nextpoint

pytestmark = [pytest.mark.languages, pytest.mark.timeout(1500)]

HERE = Path(__file__).parent
SCENARIO = HERE.parent / "scenario.json"
FLEET_SHARE = 1000
"""What is evaluated once all have begun: seconds of work, so that the crash comes amid it."""


@pytest.fixture(scope="module")
def expected(service):
    return played([sys.executable, HERE / "scenario.py"], service)


def played(program, service):
    done = subprocess.run(
        [*program, service.address, SCENARIO],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_scenario_says_what_it_should(expected):
    assert [each["reason"] for each in expected["refused"]] == ["INVALID_REQUEST"] * 3
    assert expected["stream"]["resumed"] == [True]
    assert len(expected["stream"]["evaluated"]) == 20
    assert expected["progress"]["finished"]
    assert expected["archived"]["reason"] == "EXPERIMENT_ARCHIVED"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_prints_the_same_transcript(language, packages, service, expected):
    assert played([packages / language / "conformance"], service) == expected


def test_a_fleet_of_six_languages_meets_the_budget_exactly_over_a_crash(packages, service):
    with nextpoint.Client(service.address) as client:
        # Without a budget at first: the slowest to start has its share on a busy machine too.
        experiment = client.create_experiment(
            name="Mixed fleet",
            type="random",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=[nextpoint.Metric("m", objective="minimize")],
            parallel_bandwidth=6,
        )
        programs = {"python": [sys.executable, HERE / "fleet.py"]} | {
            language: [packages / language / "fleet"] for language in LANGUAGES
        }
        with running(programs, service, experiment) as workers:
            wait_until_all_hold_a_suggestion(experiment, workers)
            experiment.refresh()
            budget = experiment.progress.observation_count + FLEET_SHARE
            experiment.update(budget=budget)
            while experiment.progress.observation_count < budget - FLEET_SHARE // 2:
                assert all(worker.poll() in {None, 0} for worker in workers.values())
                experiment.refresh()
            service.kill()
            service.start()
            said = {}
            for language, worker in workers.items():
                output, _ = worker.communicate(timeout=120)
                assert worker.returncode == 0, language
                said[language] = json.loads(output)

        experiment.refresh()
        print(said)  # noqa: T201 -- who did how much is worth a look
        assert experiment.progress.observation_count == budget
        assert sum(each["evaluated"] for each in said.values()) == budget
        assert {each["reason"] for each in said.values()} == {"BUDGET_REACHED"}
        assert all(each["evaluated"] > 0 for each in said.values())


@contextmanager
def running(programs, service, experiment):
    workers = {
        language: subprocess.Popen(
            [*program, service.address, experiment.id, worker_of(language)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for language, program in programs.items()
    }
    try:
        yield workers
    finally:
        # Where something failed, they would go on without end.
        for worker in workers.values():
            worker.kill()
            worker.wait()


def worker_of(language):
    return f"worker in {language}"


def wait_until_all_hold_a_suggestion(experiment, workers):
    missing = {worker_of(language) for language in workers}
    end = time.monotonic() + 120
    while missing:
        assert time.monotonic() < end, missing
        assert all(worker.poll() is None for worker in workers.values())
        held = experiment.get_suggestions(state="leased")
        missing -= {each.lease.worker_id for each in held if each.lease}
