"""A worker: evaluates what the service pushes to it, until the service says that it is enough.

It knows an address, the id of an experiment and its own name, and could run on any machine. For the
demo's own checks it writes down what the service acknowledged, one line each.
"""

import json
import sys
from pathlib import Path

import digits
import nextpoint


def main(address: str, experiment_id: str, worker_id: str, receipts: str) -> None:
    """Evaluate until the stream ends."""
    with nextpoint.Client(address) as client, Path(receipts).open("a") as acknowledged:
        experiment = client.get_experiment(experiment_id)
        for suggestion in experiment.suggestions(worker_id=worker_id, max_outstanding=1):
            values = digits.evaluate(suggestion.assignments)
            observation = experiment.create_observation(suggestion=suggestion, values=values)
            receipt = {
                "observation_id": observation.id,
                "suggestion_id": suggestion.id,
                "generator": suggestion.provenance.generator,
            }
            print(json.dumps(receipt), file=acknowledged, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
