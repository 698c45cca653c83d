"""The scenario in Python, by the client: what every other language's program does, too.

    python scenario.py HOST:PORT SCENARIO.json

prints the transcript, one JSON object, to standard output: the same in every language.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import ParseDict

import nextpoint
from nextpoint._errors import translated
from nextpoint.v1 import experiment_service_pb2
from nextpoint.v1.experiment_service_pb2_grpc import ExperimentServiceStub

Json = dict[str, Any]


def main(address: str, path: str) -> None:
    scenario = json.loads(Path(path).read_text())
    transcript: Json = {}
    with nextpoint.Client(address) as client:
        experiment = client.get_experiment(created(address, scenario["experiment"]))
        transcript["created"] = described(experiment)
        transcript["refused"] = [refusal(address, each) for each in scenario["refused"]]
        transcript["stream"] = streamed(address, experiment, scenario["points"])
        transcript["batch"] = batched(experiment, scenario)
        experiment.update(**scenario["update"])
        transcript["updated"] = {"name": experiment.name, "tags": list(experiment.tags)}
        transcript["progress"] = progressed(experiment)
        transcript["best"] = [
            {"assignments": dict(each.assignments), "values": dict(each.values)}
            for each in experiment.best_assignments()
        ]
        experiment.archive()
        transcript["archived"] = {"state": experiment.state, "reason": refused_ask(experiment)}
    print(json.dumps(transcript, sort_keys=True))


def created(address: str, definition: Json) -> str:
    request = ParseDict(definition, experiment_service_pb2.CreateExperimentRequest())
    with grpc.insecure_channel(address) as channel:
        return ExperimentServiceStub(channel).CreateExperiment(request).experiment.experiment_id


def described(experiment: nextpoint.Experiment) -> Json:
    return {
        "name": experiment.name,
        "project": experiment.project,
        "parameters": [each.name for each in experiment.parameters],
        "metrics": [each.name for each in experiment.metrics],
        "budget": experiment.budget,
        "tags": list(experiment.tags),
        "metadata": dict(experiment.metadata),
        "grid": list(experiment.parameters[2].grid or ()),
        "state": experiment.state,
    }


def refusal(address: str, definition: Json) -> Json:
    try:
        with translated(address):
            created(address, definition)
    except nextpoint.InvalidArgumentError as error:
        return {"reason": error.reason, "fields": sorted(each.field for each in error.violations)}
    raise AssertionError("the definition was accepted")


def streamed(address: str, experiment: nextpoint.Experiment, points: list[Json]) -> Json:
    """Queue the points and evaluate them with two workers, of which one drops its stream once."""
    for point in points:
        experiment.queue_suggestion(
            {name: plain(value) for name, value in point["assignments"].items()}
        )
    values = {point["assignments"]["x"]["doubleValue"]: point["values"] for point in points}
    resumed: list[bool] = []
    evaluated: list[float] = []

    # Before the other worker begins, which might leave nothing. Leaving the loop would give the
    # suggestion back, so the connection goes away under it.
    with nextpoint.Client(address) as lost:
        stream = lost.get_experiment(experiment.id).suggestions(worker_id="worker-2")
        first = next(stream)

    def work(worker_id: str) -> None:
        for suggestion in experiment.suggestions(worker_id=worker_id):
            report(suggestion)

    def work_again(worker_id: str) -> None:
        for suggestion in experiment.suggestions(worker_id=worker_id):
            if not resumed:
                resumed.append((suggestion.id, suggestion.attempt) == (first.id, first.attempt))
            report(suggestion)

    def report(suggestion: nextpoint.Suggestion) -> None:
        x = suggestion.assignments["x"]
        measured = values[x]
        experiment.create_observation(
            suggestion=suggestion,
            **({"failed": True} if measured is None else {"values": measured}),
        )
        evaluated.append(x)

    workers = [
        threading.Thread(target=work, args=("worker-1",)),
        threading.Thread(target=work_again, args=("worker-2",)),
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return {"evaluated": sorted(evaluated), "resumed": resumed}


def batched(experiment: nextpoint.Experiment, scenario: Json) -> Json:
    observations = experiment.create_observations(
        {
            "assignments": {k: plain(v) for k, v in each["assignments"].items()},
            "values": [
                {
                    "name": value["name"],
                    "value": value["value"],
                    "value_stddev": value.get("valueStddev"),
                }
                for value in each.get("values", [])
            ]
            or None,
            "failed": each.get("failed", False),
        }
        for each in scenario["batch"]
    )
    corrected = experiment.update_observation(
        observations[0],
        values=[
            {"name": each["name"], "value": each["value"], "value_stddev": each.get("valueStddev")}
            for each in scenario["correction"]
        ],
    )
    return {
        "outside": [each.outside for each in observations],
        "failed": [each.failed for each in observations],
        "stddevs": [dict(each.stddevs) for each in observations],
        "corrected": {"values": dict(corrected.values), "stddevs": dict(corrected.stddevs)},
    }


def progressed(experiment: nextpoint.Experiment) -> Json:
    experiment.refresh()
    progress = experiment.progress
    return {
        "observations": progress.observation_count,
        "failed": progress.failed_observation_count,
        "open": progress.open_suggestion_count,
        "remaining": progress.remaining_budget,
        "finished": progress.finished,
    }


def refused_ask(experiment: nextpoint.Experiment) -> str:
    try:
        experiment.create_suggestion()
    except nextpoint.NextpointError as error:
        return str(error.reason)
    raise AssertionError("an archived experiment handed out a suggestion")


def plain(value: Json) -> Any:
    (kind, content), *_ = value.items()
    return int(content) if kind == "intValue" else content


if __name__ == "__main__":
    main(*sys.argv[1:])
