"""Ax through its own client, with its defaults but for the seed."""

import logging
import warnings

import torch
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from problems import Parameter, Point, Problem, Values

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.set_num_threads(1)


class AxClient:
    """One client that keeps its state between calls."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(
            parameters=[_parameter(each) for each in problem.parameters],
            parameter_constraints=[
                " + ".join(f"{weight}*{name}" for name, weight in row.weights.items())
                + f" <= {row.bound}"
                for row in problem.linear
            ],
        )
        self._client.configure_optimization(
            objective=", ".join(f"-{name}" for name in problem.objectives),
            outcome_constraints=[f"{name} <= {limit}" for name, limit in problem.limits.items()],
        )
        self._client.configure_generation_strategy(
            initialization_random_seed=seed, allow_exceeding_initialization_budget=True
        )

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        ((index, point),) = self._client.get_next_trials(max_trials=1).items()
        return index, dict(point)

    def know(self, point: Point, values: Values) -> None:
        """Learn an outcome at a point that was not asked for."""
        index = self._client.attach_trial(parameters=dict(point))
        self._client.complete_trial(index, raw_data=dict(values))

    def tell(self, handle: object, point: Point, values: Values | None) -> None:  # noqa: ARG002
        """Learn an outcome."""
        assert isinstance(handle, int)
        if values is None:
            self._client.mark_trial_failed(handle)
        else:
            self._client.complete_trial(handle, raw_data=dict(values))


def default(problem: Problem, seed: int, workers: int) -> AxClient:  # noqa: ARG001
    """Return Ax as its tutorial uses it."""
    return AxClient(problem, seed)


def _parameter(parameter: Parameter) -> RangeParameterConfig | ChoiceParameterConfig:
    match parameter.kind:
        case "double" | "int":
            kind = "float" if parameter.kind == "double" else "int"
            number = float if parameter.kind == "double" else int
            return RangeParameterConfig(
                name=parameter.name,
                parameter_type=kind,
                bounds=(number(parameter.low), number(parameter.high)),
                scaling="log" if parameter.log else None,
            )
        case "categorical":
            return ChoiceParameterConfig(
                name=parameter.name,
                parameter_type="str",
                values=list(parameter.values),
                is_ordered=False,
            )
        case _:
            return ChoiceParameterConfig(
                name=parameter.name, parameter_type="bool", values=[False, True]
            )
