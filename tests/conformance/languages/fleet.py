"""One worker of a mixed fleet, in Python: x in, (x - 0.3)^2 out.

python fleet.py HOST:PORT EXPERIMENT_ID WORKER_ID
"""

import json
import sys
import time

import nextpoint


def main(address: str, experiment_id: str, worker_id: str) -> None:
    evaluated = 0
    with nextpoint.Client(address) as client:
        experiment = client.get_experiment(experiment_id)
        for suggestion in experiment.suggestions(worker_id=worker_id):
            time.sleep(0.02)
            experiment.create_observation(
                suggestion=suggestion, values={"m": (suggestion.assignments["x"] - 0.3) ** 2}
            )
            evaluated += 1
        experiment.refresh()
    # The client's loop ends without a word; what the experiment says is why.
    reason = "BUDGET_REACHED" if experiment.progress.remaining_budget == 0 else "UNKNOWN"
    print(json.dumps({"evaluated": evaluated, "reason": reason}))


if __name__ == "__main__":
    main(*sys.argv[1:])
