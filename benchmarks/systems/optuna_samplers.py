"""Optuna, with its own defaults but for the seed."""

import warnings
from collections.abc import Sequence

import optuna

from problems import Point, Problem, Value, Values

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")

_MISSED = "missed"


class Optuna:
    """One study, asked and told."""

    def __init__(self, problem: Problem, sampler: optuna.samplers.BaseSampler) -> None:
        self._problem = problem
        self._study = optuna.create_study(
            directions=["minimize"] * len(problem.objectives), sampler=sampler
        )
        self._distributions = {each.name: _distribution(each) for each in problem.parameters}

    def ask(self) -> tuple[object, Point]:
        """Return the next point."""
        trial = self._study.ask(self._distributions)
        return trial, _point(self._problem, trial.params)

    def know(self, point: Point, values: Values) -> None:
        """Learn an outcome at a point that was not asked for."""
        self._study.add_trial(
            optuna.trial.create_trial(
                params=dict(point),
                distributions=self._distributions,
                values=[values[name] for name in self._problem.objectives],
            )
        )

    def tell(self, handle: object, point: Point, values: Values | None) -> None:
        """Learn an outcome; what is missed of constraints goes with it."""
        assert isinstance(handle, optuna.Trial)
        if values is None:
            self._study.tell(handle, state=optuna.trial.TrialState.FAIL)
            return
        handle.set_user_attr(_MISSED, self._problem.missed(point, values))
        self._study.tell(handle, [values[name] for name in self._problem.objectives])


def gp(problem: Problem, seed: int, workers: int) -> Optuna:  # noqa: ARG001
    """Return the sampler that models with a Gaussian process."""
    return Optuna(
        problem, optuna.samplers.GPSampler(seed=seed, constraints_func=_constraints(problem))
    )


def tpe(problem: Problem, seed: int, workers: int) -> Optuna:
    """Return the sampler that is Optuna's default."""
    return Optuna(
        problem,
        optuna.samplers.TPESampler(
            seed=seed, constraints_func=_constraints(problem), constant_liar=workers > 1
        ),
    )


def nsga2(problem: Problem, seed: int, workers: int) -> Optuna:  # noqa: ARG001
    """Return the genetic algorithm; its default generation is longer than these budgets."""
    sampler = optuna.samplers.NSGAIISampler(
        seed=seed, population_size=10, constraints_func=_constraints(problem)
    )
    return Optuna(problem, sampler)


def _constraints(problem: Problem):
    if not problem.limits and not problem.linear:
        return None

    def found_of(trial: optuna.trial.FrozenTrial) -> Sequence[float]:
        found: Sequence[float] = trial.user_attrs[_MISSED]
        return found

    return found_of


def _distribution(parameter):
    match parameter.kind:
        case "double":
            return optuna.distributions.FloatDistribution(
                parameter.low, parameter.high, log=parameter.log
            )
        case "int":
            return optuna.distributions.IntDistribution(int(parameter.low), int(parameter.high))
        case "categorical":
            return optuna.distributions.CategoricalDistribution(parameter.values)
        case _:
            return optuna.distributions.CategoricalDistribution([False, True])


def _point(problem: Problem, params: dict[str, Value]) -> Point:
    return {each.name: params[each.name] for each in problem.parameters}
