"""Several processes, each fed by a stream of its own.

Run it with .venv/bin/python examples/parallel_workers.py, which starts a service and the workers;
or start workers yourself, on any machine that reaches a service:

    NEXTPOINT_ADDRESS=HOST:PORT python examples/parallel_workers.py EXPERIMENT_ID WORKER_ID
"""

import os
import subprocess
import sys
import time

import nextpoint

WORKERS = 3
BUDGET = 12


def evaluate(width: float, height: float) -> dict[str, float]:
    """Return volume and area of a box with a square base, as if that took a while."""
    time.sleep(0.2)
    return {"volume": width**2 * height, "area": 2 * width**2 + 4 * width * height}


def work(experiment_id: str, worker_id: str) -> None:
    """Evaluate what the service pushes, until it says that it is enough."""
    experiment = nextpoint.get_experiment(experiment_id)
    for suggestion in experiment.suggestions(worker_id=worker_id):
        values = evaluate(suggestion.assignments["width"], suggestion.assignments["height"])
        experiment.create_observation(suggestion=suggestion, values=values)
        print(f"{worker_id}: {dict(suggestion.assignments)} {values}", flush=True)


def main() -> None:
    """Start a service and workers, and show what is best."""
    with nextpoint.local() as client:
        experiment = client.create_experiment(
            name="A box: much volume, little area",
            parameters=[nextpoint.Double("width", 1, 10), nextpoint.Double("height", 1, 10)],
            metrics=[nextpoint.Metric("volume"), nextpoint.Metric("area", objective="minimize")],
            # Twice the width and the height together fit through the door.
            linear_constraints=[nextpoint.LinearConstraint({"width": 2, "height": 1}, "<=", 20)],
            budget=BUDGET,
            parallel_bandwidth=WORKERS,
        )
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, experiment.id, f"worker-{number}"],
                env=os.environ | {"NEXTPOINT_ADDRESS": client.address},
            )
            for number in range(1, WORKERS + 1)
        ]
        if any(worker.wait() for worker in workers):
            sys.exit("a worker failed")
        print("The Pareto frontier:")
        for best in experiment.best_assignments():
            print(f"  volume {best.values['volume']:6.1f}  area {best.values['area']:6.1f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        work(experiment_id=sys.argv[1], worker_id=sys.argv[2])
    else:
        main()
