"""Nextpoint as its users have it: a service of its own, asked through the Python client."""

import atexit
import os
from functools import cache

import nextpoint
from problems import Parameter, Point, Problem, Values
from processes import below, cpu_seconds

_FOREVER = 3600.0


class Service:
    """One experiment on a service that all jobs of this process share."""

    def __init__(
        self,
        problem: Problem,
        workers: int,
        *,
        max_wait: float | None = None,
        evaluation_seconds: float = 0.0,
    ) -> None:
        self.evaluation_seconds = evaluation_seconds
        self._max_wait = max_wait
        metrics = [nextpoint.Metric(name, objective="minimize") for name in problem.objectives]
        limits = [
            nextpoint.Metric(name, objective="minimize", strategy="constraint", threshold=limit)
            for name, limit in problem.limits.items()
        ]
        self._experiment = _client().create_experiment(
            name=problem.name,
            parameters=[_parameter(each) for each in problem.parameters],
            metrics=[*metrics, *limits],
            linear_constraints=[
                nextpoint.LinearConstraint(dict(row.weights), "<=", row.bound)
                for row in problem.linear
            ],
            budget=problem.budget,
            parallel_bandwidth=workers,
        )

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        suggestion = self._experiment.create_suggestion(
            max_wait=self._max_wait, lease_duration=_FOREVER
        )
        return suggestion, dict(suggestion.assignments)

    def tell(self, handle: object, point: Point, values: Values | None) -> None:  # noqa: ARG002
        """Learn an outcome."""
        assert isinstance(handle, nextpoint.Suggestion)
        self._experiment.create_observation(suggestion=handle, values=values, failed=values is None)

    def cpu_seconds(self) -> float:
        """Return the processor time of the processes of the service."""
        return sum(cpu_seconds(process) for process in below(os.getpid()))


def fresh(problem: Problem, seed: int, workers: int) -> Service:  # noqa: ARG001
    """Return the service, waiting until a point knows everything; it makes seeds of its own."""
    return Service(problem, workers, max_wait=_FOREVER)


def hasty(problem: Problem, seed: int, workers: int) -> Service:  # noqa: ARG001
    """Return the service as it comes, to which evaluations look as if they took no time at all."""
    return Service(problem, workers)


def real_time(problem: Problem, seed: int, workers: int) -> Service:  # noqa: ARG001
    """Return the service as it comes, with evaluations of about a second."""
    return Service(problem, workers, evaluation_seconds=1.0)


def real_time_at_once(problem: Problem, seed: int, workers: int) -> Service:  # noqa: ARG001
    """Return the service with evaluations of about a second, and calls that do not wait."""
    return Service(problem, workers, max_wait=0.0, evaluation_seconds=1.0)


@cache
def _client() -> nextpoint.Client:
    local = nextpoint.local()
    client = local.__enter__()
    atexit.register(local.__exit__, None, None, None)
    return client


def _parameter(
    parameter: Parameter,
) -> nextpoint.Double | nextpoint.Int | nextpoint.Categorical | nextpoint.Bool:
    match parameter.kind:
        case "double":
            return nextpoint.Double(
                parameter.name, parameter.low, parameter.high, log=parameter.log
            )
        case "int":
            return nextpoint.Int(parameter.name, int(parameter.low), int(parameter.high))
        case "categorical":
            return nextpoint.Categorical(parameter.name, parameter.values)
        case _:
            return nextpoint.Bool(parameter.name)
