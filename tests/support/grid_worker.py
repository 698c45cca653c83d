"""One worker on a grid: python grid_worker.py HOST:PORT EXPERIMENT_ID WORKER_ID [hang].

One that hangs says so and never reports the first cell that it gets.
"""

import sys
import time

import nextpoint

_FOR_EVER = 3600.0


def main(address: str, experiment_id: str, worker_id: str, hang: str = "") -> None:
    """Evaluate cells until there are no more."""
    with nextpoint.Client(address) as client:
        experiment = client.get_experiment(experiment_id)
        for suggestion in experiment.suggestions(worker_id=worker_id):
            if hang:
                print(suggestion.id, flush=True)  # noqa: T201 -- the test reads it
                time.sleep(_FOR_EVER)
            experiment.create_observation(suggestion=suggestion, values={"m": 1.0})


if __name__ == "__main__":
    main(*sys.argv[1:])
