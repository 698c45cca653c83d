import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nextpoint
import nextpoint.aio

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"torch", "ax", "numpy", "rich", "pandas", "nextpoint_service"}
LIBRARIES = "grpc.aio, google.rpc.error_details_pb2, google.rpc.status_pb2"


def python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_public_names_are_these():
    assert nextpoint.__all__ == [
        "Assignments",
        "BetaPrior",
        "Bool",
        "BudgetSpentError",
        "Categorical",
        "Client",
        "Conditional",
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
        "Task",
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


def test_importing_it_brings_nothing_heavy():
    program = "import json, sys, nextpoint; print(json.dumps(sorted(sys.modules)))"

    assert HEAVY.isdisjoint(json.loads(python(program)))


def test_importing_it_is_quick():
    """Under half a second on a machine where the libraries it needs take a fifth of one."""
    program = (
        f"import json, time; began = time.process_time(); import {LIBRARIES};"
        "middle = time.process_time(); import nextpoint; end = time.process_time();"
        "print(json.dumps([middle - began, end - middle]))"
    )

    # The least of each, for machines are noisy.
    tries = [json.loads(python(program)) for _ in range(5)]

    libraries, client = map(min, zip(*tries, strict=True))
    assert libraries + client < 2.5 * libraries


def test_the_blocking_client_is_what_the_asyncio_one_makes():
    command = [sys.executable, ROOT / "scripts/generate_sync", "--check"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["Client", "Experiment", "Run", "Suggestion"])
def test_both_clients_have_the_same_methods(name):
    blocking = {each for each in dir(getattr(nextpoint, name)) if not each.startswith("_")}
    asynchronous = {each for each in dir(getattr(nextpoint.aio, name)) if not each.startswith("_")}

    assert blocking == asynchronous


def signatures():
    """Return what the public classes and functions say about their arguments and results."""
    public = [(module, name) for module in (nextpoint, nextpoint.aio) for name in module.__all__]
    for module, name in public:
        thing = getattr(module, name)
        yield from _signatures_of(f"{module.__name__}.{name}", thing)


def _signatures_of(path, thing):
    if inspect.isclass(thing):
        yield path, str(getattr(thing, "__annotations__", ""))
        for name, member in vars(thing).items():
            function = member.fget if isinstance(member, property) else member
            if inspect.isfunction(function) and (name == "__init__" or not name.startswith("_")):
                yield f"{path}.{name}", str(inspect.signature(function))
    elif callable(thing):
        yield path, str(inspect.signature(thing))


def test_no_type_of_protobuf_or_grpc_is_in_a_public_signature():
    found = dict(signatures())

    assert "nextpoint.Experiment.__init__" in found
    assert "nextpoint.aio.Run.log_metric" in found
    assert "nextpoint.create_experiment" in found
    assert [path for path, text in found.items() if re.search(r"_pb2|protobuf|grpc", text)] == []


def test_it_says_that_it_has_types():
    assert (Path(nextpoint.__file__).parent / "py.typed").exists()
