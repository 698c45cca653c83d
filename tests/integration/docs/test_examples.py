"""The examples run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(script, **environment):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / script],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_quick_start_finds_the_minimum():
    done = run("quickstart.py")

    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split(" with ")[-1]) < 5


@pytest.mark.timeout(180)
def test_the_code_of_sigopt_runs_as_written(address):
    done = run("sigopt_style.py", NEXTPOINT_ADDRESS=address)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("30 runs of ")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_parallel_workers_share_a_budget():
    done = run("parallel_workers.py")

    assert done.returncode == 0, done.stderr
    assert sum(line.startswith("worker-") for line in done.stdout.splitlines()) == 12


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_keeps_its_promises():
    done = run("demo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "survived SIGKILL" in done.stdout
