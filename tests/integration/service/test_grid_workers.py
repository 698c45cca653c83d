"""Workers in processes of their own share a grid, and one of them is killed."""

import subprocess
import sys
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest
from tests.support import grid_worker
from tests.support.deployments import ServiceProcess, first_line

import nextpoint

WORKERS = 10
SECONDS = 60.0
GRID = {"x": [0.1, 0.2, 0.3], "n": [1, 2, 3, 4], "c": ["p", "q", "r", "s", "t"]}


def start_worker(service, experiment, *arguments):
    command = [sys.executable, str(Path(grid_worker.__file__)), service.address, experiment.id]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(120)
def test_ten_workers_exhaust_a_grid_though_one_is_killed(tmp_path):
    with ExitStack() as stack:
        database = tmp_path / "nextpoint.sqlite3"
        service = stack.enter_context(ServiceProcess(database, "--lease-seconds=2"))
        client = stack.enter_context(nextpoint.Client(service.address))
        experiment = client.create_experiment(
            name="grid",
            type="grid",
            parameters=[
                nextpoint.Double("x", grid=GRID["x"]),
                nextpoint.Int("n", grid=GRID["n"]),
                nextpoint.Categorical("c", GRID["c"]),
            ],
            metrics=["m"],
        )
        doomed = start_worker(service, experiment, "doomed", "hang")
        lost = first_line(doomed).strip()
        living = [start_worker(service, experiment, f"w{n}") for n in range(WORKERS - 1)]
        doomed.kill()
        for worker in [doomed, *living]:
            stack.callback(worker.kill)
            stack.callback(worker.stdout.close)

        codes = [each.wait(SECONDS) for each in living]

        assert codes == [0] * (WORKERS - 1)
        suggestions = [*experiment.get_suggestions()][::-1]
        observations = [*experiment.get_observations()]
    # The first parameter varies fastest.
    cells = [cell[::-1] for cell in product(*[*GRID.values()][::-1])]
    assert [tuple(each.assignments[name] for name in GRID) for each in suggestions] == cells
    assert {each.id: each.attempt for each in suggestions if each.attempt > 1} == {lost: 2}
    assert sorted(each.suggestion_id for each in observations) == sorted(
        each.id for each in suggestions
    )
