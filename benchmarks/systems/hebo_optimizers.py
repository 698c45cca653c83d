"""HEBO, with its defaults but for the seed."""

import warnings

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.general import GeneralBO
from hebo.optimizers.hebo import HEBO

from problems import Parameter, Point, Problem, Value, Values

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


class Hebo:
    """One optimizer, asked for a point at a time.

    With several objectives or with constraints it is the package's GeneralBO. Linear constraints
    are measured, like limits. It knows nothing of points that are under way or that failed.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        np.random.seed(seed)  # noqa: NPY002  # what it draws from
        torch.manual_seed(seed)
        self._problem = problem
        space = DesignSpace().parse([_parameter(each) for each in problem.parameters])
        objectives, constraints = len(problem.objectives), len(problem.limits) + len(problem.linear)
        self._optimizer = (
            HEBO(space, scramble_seed=seed)
            if objectives == 1 and not constraints
            else GeneralBO(space, num_obj=objectives, num_constr=constraints)
        )

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        (row,) = self._optimizer.suggest(1).to_dict("records")
        return None, {each.name: _value(each, row[each.name]) for each in self._problem.parameters}

    def know(self, point: Point, values: Values) -> None:
        """Learn an outcome at a point that was not asked for."""
        self.tell(None, point, values)

    def tell(self, handle: object, point: Point, values: Values | None) -> None:  # noqa: ARG002
        """Learn an outcome; what is missed of constraints goes with it."""
        if values is None:
            return
        measured = [values[name] for name in self._problem.objectives]
        self._optimizer.observe_new_data(
            pd.DataFrame([point]), np.array([measured + self._problem.missed(point, values)])
        )


def default(problem: Problem, seed: int, workers: int) -> Hebo:  # noqa: ARG001
    """Return HEBO as its front page uses it."""
    return Hebo(problem, seed)


def _parameter(parameter: Parameter) -> dict[str, object]:
    bounds = {"lb": parameter.low, "ub": parameter.high}
    match parameter.kind:
        case "double":
            return {"name": parameter.name, "type": "pow" if parameter.log else "num", **bounds}
        case "int":
            return {"name": parameter.name, "type": "int", **bounds}
        case "categorical":
            return {
                "name": parameter.name,
                "type": "cat",
                "categories": list(parameter.values),
            }
        case _:
            return {"name": parameter.name, "type": "bool"}


def _value(parameter: Parameter, value: Value) -> Value:
    return {"double": float, "int": int, "categorical": str, "bool": bool}[parameter.kind](value)
