"""Every language plays the same scenario, and all of them share one experiment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance.languages.conftest import LANGUAGES

import nextpoint

pytestmark = [pytest.mark.languages, pytest.mark.timeout(1500)]

HERE = Path(__file__).parent
SCENARIO = HERE.parent / "scenario.json"
FLEET_BUDGET = 1500
"""Seconds of work, so that the slowest to start has its share on a busy machine too."""


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
        experiment = client.create_experiment(
            name="Mixed fleet",
            type="random",
            parameters=[nextpoint.Double("x", 0, 1)],
            metrics=[nextpoint.Metric("m", objective="minimize")],
            budget=FLEET_BUDGET,
            parallel_bandwidth=6,
        )
        programs = {"python": [sys.executable, HERE / "fleet.py"]} | {
            language: [packages / language / "fleet"] for language in LANGUAGES
        }
        workers = {
            language: subprocess.Popen(
                [*program, service.address, experiment.id, f"worker in {language}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for language, program in programs.items()
        }
        while experiment.progress.observation_count < FLEET_BUDGET // 3:
            assert all(worker.poll() is None for worker in workers.values())
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
        assert experiment.progress.observation_count == FLEET_BUDGET
        assert sum(each["evaluated"] for each in said.values()) == FLEET_BUDGET
        assert {each["reason"] for each in said.values()} == {"BUDGET_REACHED"}
        assert all(each["evaluated"] > 0 for each in said.values())
