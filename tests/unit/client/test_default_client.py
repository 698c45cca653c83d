import inspect
import signal
import subprocess
import sys

import pytest
from tests.unit.client.conftest import PATIENCE_SECONDS, a_run, an_experiment

import nextpoint
from nextpoint import _local_service
from nextpoint.v1 import experiment_service_pb2, run_service_pb2

PROGRAM = """
import nextpoint
experiment = nextpoint.create_experiment(name="forest", parameters=[], metrics=["loss"])
assert nextpoint.get_experiment(experiment.id).name == "forest"
assert nextpoint.get_run("run_1").id == "run_1"
assert [each.id for each in nextpoint.list_experiments()] == ["exp_1"]
"""


def test_the_functions_use_the_service_in_the_environment(service):
    service.script(
        "CreateExperiment",
        experiment_service_pb2.CreateExperimentResponse(experiment=an_experiment()),
    )
    service.script(
        "ListExperiments",
        experiment_service_pb2.ListExperimentsResponse(experiments=[an_experiment()]),
    )
    service.script("GetRun", run_service_pb2.GetRunResponse(run=a_run()))

    subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, env={"NEXTPOINT_ADDRESS": service.address}
    )

    assert [name for name, _ in service.calls] == [
        "CreateExperiment",
        "GetExperiment",
        "GetRun",
        "ListExperiments",
    ]


def test_without_an_address_it_is_the_usual_one(monkeypatch):
    monkeypatch.delenv("NEXTPOINT_ADDRESS", raising=False)

    with nextpoint.Client() as client:
        assert client.address == "127.0.0.1:50051"


def test_the_functions_show_the_arguments_of_the_methods():
    expected = list(inspect.signature(nextpoint.Client.create_experiment).parameters)[1:]

    assert list(inspect.signature(nextpoint.create_experiment).parameters) == expected


@pytest.fixture
def a_service_that(monkeypatch, tmp_path):
    """Return a function that makes the local service run another program."""

    def replace(program):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
        monkeypatch.setattr(_local_service.sys, "executable", str(path))

    return replace


def test_a_local_service_is_the_default_inside_its_block(service, a_service_that):
    a_service_that(f"echo listening on {service.address}; exec sleep 60")

    with nextpoint.local("some.sqlite3") as client:
        assert client.address == service.address
        assert nextpoint.get_experiment("exp_1").name == "forest"


def test_a_local_service_without_a_block_says_what_is_the_matter():
    with pytest.raises(AttributeError, match=r"'create_experiment'.*with nextpoint\.local\(\)"):
        nextpoint.local().create_experiment()


def test_a_service_that_is_not_installed_says_how_to_install_it(a_service_that):
    a_service_that("echo 'No module named nextpoint_service' >&2; exit 1")

    with (
        pytest.raises(nextpoint.UnavailableError, match=r"nextpoint\[service\]"),
        nextpoint.local(),
    ):
        pass


def test_a_service_that_does_not_start_shows_its_last_words(a_service_that):
    a_service_that("echo 'the file is of a newer version' >&2; exit 1")

    with pytest.raises(nextpoint.UnavailableError, match="newer version"), nextpoint.local():
        pass


def test_a_service_that_says_nothing_is_not_waited_for_for_ever(a_service_that, monkeypatch):
    a_service_that("exec sleep 60")
    monkeypatch.setattr(_local_service, "START_SECONDS", 0.05)

    with pytest.raises(nextpoint.UnavailableError, match="said nothing"), nextpoint.local():
        pass


def test_a_local_service_ends_with_its_caller(tmp_path):
    package = tmp_path / "nextpoint_service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import threading; print('ready', flush=True); threading.Event().wait()"
    )

    with subprocess.Popen(
        [sys.executable, "-c", _local_service.PROGRAM],
        env={"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()

        assert process.wait(PATIENCE_SECONDS) == -signal.SIGTERM
