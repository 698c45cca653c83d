import json
import subprocess
import sys
from pathlib import Path

import pytest

import nextpoint
import nextpoint.aio

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"torch", "ax", "numpy", "rich", "pandas", "nextpoint_service"}


def test_the_public_names_are_these():
    assert nextpoint.__all__ == [
        "Assignments",
        "BetaPrior",
        "Bool",
        "BudgetSpentError",
        "Categorical",
        "Client",
        "DeadlineExceededError",
        "Double",
        "EvaluationError",
        "Experiment",
        "ExperimentArchivedError",
        "FieldViolation",
        "Int",
        "InvalidArgumentError",
        "Lease",
        "LeaseLostError",
        "LinearConstraint",
        "Metric",
        "MetricsMissingError",
        "NewObservation",
        "NextpointError",
        "NormalPrior",
        "NotFoundError",
        "Observation",
        "OverloadedError",
        "Prediction",
        "Progress",
        "Provenance",
        "Run",
        "RunEndedError",
        "ServiceError",
        "StateError",
        "StoppingCriteria",
        "Suggestion",
        "UnavailableError",
        "UnknownParameter",
        "WorkerReplacedError",
        "aio",
        "create_experiment",
        "get_experiment",
        "get_run",
        "list_experiments",
        "local",
    ]
    assert nextpoint.aio.__all__ == ["Client", "Experiment", "Run", "Suggestion", "local"]
    for name in nextpoint.__all__:
        assert getattr(nextpoint, name).__doc__, name


def test_importing_it_is_quick_and_brings_nothing_heavy():
    program = (
        "import json, sys, time; started = time.process_time(); import nextpoint;"
        "print(json.dumps([time.process_time() - started, sorted(sys.modules)]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    seconds, modules = json.loads(done.stdout)
    assert seconds < 0.5
    assert HEAVY.isdisjoint(modules)


def test_the_blocking_client_is_what_the_asyncio_one_makes():
    command = [sys.executable, ROOT / "scripts/generate_sync", "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["Client", "Experiment", "Run", "Suggestion"])
def test_both_clients_have_the_same_methods(name):
    blocking = {each for each in dir(getattr(nextpoint, name)) if not each.startswith("_")}
    asynchronous = {each for each in dir(getattr(nextpoint.aio, name)) if not each.startswith("_")}

    assert blocking == asynchronous


def test_it_says_that_it_has_types():
    assert (Path(nextpoint.__file__).parent / "py.typed").exists()
