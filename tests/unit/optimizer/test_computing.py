"""Which of our own models makes the points of which experiments."""

from dataclasses import replace

import pytest
from tests.unit.optimizer.problems import SQUARE, a_problem, observed, points

from nextpoint_service.application.optimizer_port import Phase
from nextpoint_service.domain.experiment import Metric, Strategy
from nextpoint_service.domain.tasks import Task
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.computing import compute_model
from nextpoint_service.optimizer.settings import OptimizerSettings

CONSTRAINT = Metric("y", strategy=Strategy.CONSTRAINT, threshold=0.5)
KINDS = {
    Maker.FEW_OBJECTIVES: ({}, "GP log noisy expected improvement"),
    Maker.COVERAGE: ({"metrics": (CONSTRAINT,)}, "GP expected coverage improvement"),
    Maker.REGIONS: ({"num_solutions": 2, "budget": 50}, "GP expected improvement by region"),
    Maker.TASKS: (
        {"tasks": (Task("full", 1.0), Task("tenth", 0.1))},
        "GP log noisy expected improvement of a full evaluation",
    ),
}


def test_every_model_of_our_own_is_known_here():
    assert {*KINDS} == {*Maker} - {Maker.AX}


@pytest.mark.parametrize("maker", KINDS)
def test_each_model_makes_the_points_of_its_experiments(maker):
    changes, method = KINDS[maker]
    observations = [
        replace(observed(point, y=point["a"]), task=changes.get("tasks", (None,))[0])
        for point in points(SQUARE, 8)
    ]
    problem = a_problem(observations=observations, phase=Phase.MODEL, index=8)
    problem = replace(problem, experiment=replace(problem.experiment, **changes))

    (proposal,) = compute_model(problem, OptimizerSettings())

    assert maker_for(problem.experiment) is maker
    assert proposal.provenance.method == method
