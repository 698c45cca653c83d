"""OSS Vizier's default designer (GP-UCB-PE), in this process, with its defaults but for the seed.

In single precision, which is JAX's default, its acquisition values became NaN after a few trials
and its points had no parameters at all; hence double precision.
"""

import os
from itertools import count

os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax  # reads what is set above
from vizier import algorithms, pyvizier

# vizier.algorithms.designers, which has both, also loads what needs cvxpy.
from vizier._src.algorithms.designers.gp_ucb_pe import VizierGPUCBPEBandit
from vizier._src.algorithms.designers.unsafe_as_infeasible_designer import (
    UnsafeAsInfeasibleDesigner,
)

from problems import Parameter, Point, Problem, Values

_MINIMIZE = pyvizier.ObjectiveMetricGoal.MINIMIZE


class Vizier:
    """One designer that keeps its state between calls.

    Metric constraints are its safety metrics. It knows no linear constraints: a point that breaks
    one is infeasible to it, like one that failed or whose metrics are over their limits.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._designer = UnsafeAsInfeasibleDesigner(
            _statement(problem),
            lambda statement, seed: VizierGPUCBPEBandit(statement, rng=jax.random.PRNGKey(seed)),
            seed=seed,
        )
        self._pending: dict[int, pyvizier.Trial] = {}
        self._completed: list[pyvizier.Trial] = []
        self._ids = count(1)

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        self._designer.update(
            algorithms.CompletedTrials(self._completed),
            algorithms.ActiveTrials(list(self._pending.values())),
        )
        self._completed = []
        (suggestion,) = self._designer.suggest(1)
        trial = suggestion.to_trial(next(self._ids))
        self._pending[trial.id] = trial
        found = trial.parameters
        return trial.id, {
            each.name: _value(each, found.get_value(each.name)) for each in self._problem.parameters
        }

    def know(self, point: Point, values: Values) -> None:
        """Learn an outcome at a point that was not asked for."""
        trial = pyvizier.Trial(id=next(self._ids), parameters=dict(point))
        self._complete(trial, point, values)

    def tell(self, handle: object, point: Point, values: Values | None) -> None:
        """Learn an outcome."""
        assert isinstance(handle, int)
        self._complete(self._pending.pop(handle), point, values)

    def _complete(self, trial: pyvizier.Trial, point: Point, values: Values | None) -> None:
        feasible = values is not None and self._problem.satisfied(point)
        trial.complete(
            pyvizier.Measurement(metrics=values or {}),
            infeasibility_reason=None if feasible else "failed, or outside the constraints",
        )
        self._completed.append(trial)


def default(problem: Problem, seed: int, workers: int) -> Vizier:  # noqa: ARG001
    """Return the designer that Vizier's service uses unless told otherwise."""
    return Vizier(problem, seed)


def _statement(problem: Problem) -> pyvizier.ProblemStatement:
    statement = pyvizier.ProblemStatement()
    for each in problem.parameters:
        _add(statement.search_space.root, each)
    for name in problem.objectives:
        statement.metric_information.append(pyvizier.MetricInformation(name, goal=_MINIMIZE))
    for name, limit in problem.limits.items():
        statement.metric_information.append(
            pyvizier.MetricInformation(name, goal=_MINIMIZE, safety_threshold=limit)
        )
    return statement


def _add(root: pyvizier.SearchSpaceSelector, parameter: Parameter) -> None:
    scales = pyvizier.ScaleType
    match parameter.kind:
        case "double":
            scale = scales.LOG if parameter.log else scales.LINEAR
            root.add_float_param(parameter.name, parameter.low, parameter.high, scale_type=scale)
        case "int":
            root.add_int_param(parameter.name, int(parameter.low), int(parameter.high))
        case "categorical":
            root.add_categorical_param(parameter.name, list(parameter.values))
        case _:
            root.add_bool_param(parameter.name)


def _value(parameter: Parameter, value: float | str):
    return {"int": int, "bool": lambda found: found in ("True", True)}.get(
        parameter.kind, lambda found: found
    )(value)
