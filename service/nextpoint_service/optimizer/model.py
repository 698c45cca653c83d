"""Makes points from a model of the observations; with `guidance` and `ascent`, all that knows Ax.

Ax's client and generation strategy are left out: a client that is rebuilt for each call costs more
than the model, and its first answer is a Sobol point whatever it was told.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

import numpy as np
import pandas as pd
from ax.adapter.registry import MBM_X_trans, Y_trans
from ax.adapter.torch import TorchAdapter
from ax.api.utils.instantiation.from_string import optimization_config_from_string
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.metric import Metric
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import OptimizationConfig
from ax.core.parameter import ChoiceParameter, Parameter, ParameterType, RangeParameter
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.generators.torch.botorch_modular.generator import BoTorchGenerator
from ax.utils.common.random import with_rng_seed
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.parego import qLogNParEGO

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.observation import Observation, best
from nextpoint_service.domain.suggestion import Generator, Prediction, Proposal, Provenance
from nextpoint_service.optimizer import space_filling
from nextpoint_service.optimizer.ascent import ThoroughAcquisition
from nextpoint_service.optimizer.encoding import (
    Axis,
    AxisKind,
    Encoded,
    LinearRow,
    axes_of,
    encodable,
    encode,
    linear_rows,
)
from nextpoint_service.optimizer.guidance import GuidedAcquisition
from nextpoint_service.optimizer.not_fitted import NOTHING_IN_THE_SPACE, NotFitted
from nextpoint_service.optimizer.outcomes import Outcome, chosen, data_of, outcomes_of
from nextpoint_service.optimizer.priors import Guide, guidance_exponent, unit_priors
from nextpoint_service.optimizer.seeds import seed_for
from nextpoint_service.optimizer.untried import KNOWN, untried

# With several objectives BoTorch compiles a C++ kernel first, where it finds a compiler: a minute
# of work that outlasts the time box, leaves a compiler running behind a process that was ended,
# and makes points depend on the machine. There is no other way to tell it not to.
logei._load_attempted = True  # noqa: SLF001

_RESTARTS = {"num_restarts": 4, "raw_samples": 256}
_AROUND_BEST = {
    "init_batch_limit": 512,
    "batch_limit": 20,
    "sample_around_best": True,
    "sample_around_best_sigma": 0.01,
}
"""The peak of the acquisition near the best point is narrow; samples of the whole space miss it."""
_SAMPLES = {3: 16, 4: 4}
"""How many samples of the frontier are averaged over, for so many objectives; otherwise 128.

Each is cut into boxes, and into more of them the more objectives there are: 128 samples of three
objectives take half a minute at 60 observations, and of four they never end within a time box.
"""
_SLACK = 1e-9
"""How far a sum of whole numbers may pass its bound: BoTorch forgives no rounding there."""
_LARGEST_FRONTIER = 50
"""With more points on the frontier of three or four objectives even few samples take too long."""


def propose(problem: Problem, *, most_observations: int) -> list[Proposal]:
    """Return points that the model expects most of; equal problems give equal points.

    One metric is optimized with qLogNoisyExpectedImprovement, several with
    qLogNoisyExpectedHypervolumeImprovement (Ament et al. (2023), "Unexpected improvements to
    expected improvement"; Daulton, Balandat and Bakshy (2021), "Parallel Bayesian optimization of
    multiple noisy objectives with expected hypervolume improvement"), more than four, or three and
    four without thresholds or with a large frontier, with qLogNParEGO (Knowles (2006), "ParEGO: a
    hybrid algorithm with on-line landscape approximation for expensive multiobjective optimization
    problems"); until a point is known to satisfy the constraints, the probability that it does is
    maximized. Priors weigh each of these, see `guidance_exponent`. What fails in Ax is raised: the
    caller has points that need no model.
    """
    seed = seed_for(problem)
    with warnings.catch_warnings(), with_rng_seed(seed):
        warnings.simplefilter("ignore")
        return _propose(problem, seed, most_observations)


def _propose(problem: Problem, seed: int, most_observations: int) -> list[Proposal]:
    axes = axes_of(problem.experiment.space)
    outcomes = outcomes_of(problem.experiment, problem.observations)
    known = chosen(outcomes, problem.observations, most_observations)
    rows = linear_rows(problem.experiment.space, axes)
    guide = Guide(unit_priors([each.parameter for each in axes]), guidance_exponent(problem))
    generator = BoTorchGenerator(
        **_acquisition(problem, outcomes, known), **_search(guide, axes, seed)
    )
    adapter = TorchAdapter(
        experiment=_experiment(axes, rows, outcomes, known),
        generator=generator,
        transforms=MBM_X_trans + Y_trans,
        fit_tracking_metrics=False,
    )
    run = adapter.gen(
        n=problem.count,
        pending_observations=_pending(problem, axes, outcomes),
        model_gen_options={"optimizer_kwargs": _optimizer(axes, rows)},
    )
    values = np.atleast_1d((run.gen_metadata or {})["expected_acquisition_value"])
    made = untried(problem, axes, [arm.parameters for arm in run.arms], seed)
    method = f"Ax {generator.botorch_acqf_class.__name__}"
    proposals = [
        Proposal(
            point,
            Provenance(
                generator=Generator.MODEL,
                method=f"{method}, by prior" if guide.priors else method,
                seed=seed,
                observation_count=len(problem.observations),
                pending_count=len(problem.pending),
                predictions=_predict(adapter, outcomes, encode(axes, point)),
                acquisition_value=float(values[min(index, len(values) - 1)]),
            ),
        )
        for index, point in made
    ]
    return proposals or space_filling.propose(replace(problem, fallback_reason=KNOWN))


def _search(guide: Guide, axes: tuple[Axis, ...], seed: int) -> dict[str, Any]:
    """Return what looks for the maximum: for one half of the points with an eye for the ends."""
    options: dict[str, Any] = {"widely": bool(seed % 2)}
    if not guide.priors:
        return {"acquisition_class": ThoroughAcquisition, "acquisition_options": options}
    options |= {"guide": guide, "names": [each.name for each in axes]}
    return {"acquisition_class": GuidedAcquisition, "acquisition_options": options}


def _predict(
    adapter: TorchAdapter, outcomes: Sequence[Outcome], encoded: Encoded
) -> dict[str, Prediction]:
    means, covariances = adapter.predict([ObservationFeatures(encoded)])
    return {
        each.metric.name: Prediction(
            mean=each.sign * float(means[each.name][0]),
            stddev=float(np.sqrt(max(0.0, covariances[each.name][each.name][0]))),
        )
        for each in outcomes
        if each.metric is not None
    }


def _optimizer(axes: tuple[Axis, ...], rows: list[LinearRow]) -> dict[str, object]:
    """Return how hard the acquisition is maximized.

    Fewer restarts than Ax's 20 find points as good at a quarter of the cost; only the optimizer
    of spaces that are real in all dimensions takes the further options.
    """
    if any(row.equal for row in rows) or any(axis.kind is not AxisKind.REAL for axis in axes):
        return {**_RESTARTS}
    return {**_RESTARTS, "options": {**_AROUND_BEST}}


def _acquisition(
    problem: Problem, outcomes: Sequence[Outcome], known: Sequence[Observation]
) -> dict[str, Any]:
    """Return what is maximized where Ax's own choice takes too long, or finds less."""
    optimized = [each for each in outcomes if each.optimized]
    samples = _SAMPLES.get(len(optimized))
    if samples is None:
        return {}
    frontier = len(best(problem.experiment, [*known]))
    if not frontier:
        # Ax looks for a point that satisfies the constraints.
        return {}
    # Of a hypervolume that nobody bounds most is at its ends, where points are of least use.
    bounded = any(each.floor is not None for each in optimized)
    if not bounded or frontier > _LARGEST_FRONTIER:
        return {"botorch_acqf_class": qLogNParEGO}
    return {"botorch_acqf_options": {"mc_samples": samples}}


def _experiment(
    axes: tuple[Axis, ...],
    rows: list[LinearRow],
    outcomes: Sequence[Outcome],
    known: Sequence[Observation],
) -> Experiment:
    """Return Ax's experiment: one trial for each observation, all data at once."""
    experiment = Experiment(
        name="problem",
        search_space=_search_space(axes, rows),
        optimization_config=_optimization_config(outcomes),
        tracking_metrics=[Metric(each.name) for each in outcomes],
    )
    usable = []
    arms = []
    for index, encoded in encodable(axes, (each.assignments for each in known)):
        usable.append(known[index])
        # Ax names the arm: equal points are one arm to it, of several trials.
        trial = experiment.new_trial().add_arm(Arm(encoded))
        trial.mark_running(no_runner_required=True).mark_completed()
        arms.append(trial.arms[0].name)
    if not usable:
        raise NotFitted(NOTHING_IN_THE_SPACE)
    data = [
        (arm := each.observation, arms[arm], each.outcome, each.outcome, each.value, each.stddev)
        for each in data_of(outcomes, usable)
    ]
    columns = ["trial_index", "arm_name", "metric_name", "metric_signature", "mean", "sem"]
    experiment.attach_data(Data(df=pd.DataFrame(data, columns=columns)))
    return experiment


def _pending(
    problem: Problem, axes: tuple[Axis, ...], outcomes: Sequence[Outcome]
) -> dict[str, list[ObservationFeatures]]:
    """Return the points not to propose again: those in evaluation, and those that failed.

    For Ax a failure is no information about the metrics: it would propose the same point for ever.
    """
    failed = [each.assignments for each in problem.observations if each.failed]
    places = [encoded for _, encoded in encodable(axes, (*problem.pending, *failed))]
    if not places:
        return {}
    # For every metric its own, because Ax transforms them in place.
    return {each.name: [ObservationFeatures(dict(place)) for place in places] for each in outcomes}


def _search_space(axes: tuple[Axis, ...], rows: list[LinearRow]) -> SearchSpace:
    space = SearchSpace([_parameter(axis) for axis in axes])
    whole = {axis.name for axis in axes if axis.kind is AxisKind.WHOLE}
    space.add_parameter_constraints(
        [_constraint(row, slack=_SLACK if row.weights.keys() <= whole else 0.0) for row in rows]
    )
    return space


def _parameter(axis: Axis) -> Parameter:
    match axis.kind:
        case AxisKind.REAL:
            return RangeParameter(axis.name, ParameterType.FLOAT, 0.0, 1.0)
        case AxisKind.WHOLE:
            return RangeParameter(axis.name, ParameterType.INT, 0, axis.count - 1)
        case AxisKind.CHOICE:
            return ChoiceParameter(
                axis.name,
                ParameterType.STRING,
                [f"c{index}" for index in range(axis.count)],
                is_ordered=False,
                sort_values=False,
            )
        case _:
            assert_never(axis.kind)


def _constraint(row: LinearRow, *, slack: float) -> ParameterConstraint:
    weighted = " + ".join(f"{weight!r}*{name}" for name, weight in row.weights.items())
    if row.equal:
        return ParameterConstraint(equality=f"{weighted} == {row.bound!r}")
    return ParameterConstraint(inequality=f"{weighted} <= {row.bound + slack!r}")


def _optimization_config(outcomes: Sequence[Outcome]) -> OptimizationConfig:
    return optimization_config_from_string(
        ", ".join(each.name for each in outcomes if each.optimized),
        [f"{each.name} >= {each.floor!r}" for each in outcomes if each.floor is not None],
    )
