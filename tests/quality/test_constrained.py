"""Does it find the best point that satisfies constraints? Through the service."""

from statistics import median

import pytest
from tests.quality.functions import evaluate, gramacy

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 30
EXPERIMENTS = 5
OPTIMUM = 0.5998


def least_sum(client, kind: str, number: int) -> float:
    """Return the least sum where both constraints hold; that of the far corner where none do."""
    experiment = client.create_experiment(
        name=f"Gramacy {kind} {number}",
        type=kind,
        parameters=[nextpoint.Double("x", 0, 1), nextpoint.Double("y", 0, 1)],
        metrics=[
            nextpoint.Metric("sum", objective="minimize"),
            nextpoint.Metric("wave", strategy="constraint", threshold=0.0),
            nextpoint.Metric("circle", strategy="constraint", threshold=0.0),
        ],
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: gramacy(**point))
    return min((best.values["sum"] for best in experiment.best_assignments()), default=2.0)


def test_the_best_that_satisfies_constraints_is_found():
    with nextpoint.local() as client:
        sums = {
            kind: sorted(least_sum(client, kind, each) for each in range(EXPERIMENTS))
            for kind in ("optimized", "random")
        }

    found, by_chance = (median(sums[kind]) - OPTIMUM for kind in ("optimized", "random"))
    assert found < 0.1 * by_chance, sums
