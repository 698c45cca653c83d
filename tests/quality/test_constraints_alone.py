"""Does it find many different points that satisfy all constraints? Through the service."""

import math
from statistics import median

import pytest
from tests.quality.functions import evaluate, gramacy

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 50
EXPERIMENTS = 5
APART = 0.05
"""Points that are closer count once."""


def different_points_found(client, kind: str, number: int) -> int:
    def constraint(name: str, objective: str, threshold: float) -> nextpoint.Metric:
        return nextpoint.Metric(
            name, objective=objective, strategy="constraint", threshold=threshold
        )

    experiment = client.create_experiment(
        name=f"Gramacy {kind} {number}",
        type=kind,
        parameters=[nextpoint.Double("x", 0, 1), nextpoint.Double("y", 0, 1)],
        # The three together leave a fiftieth of the square.
        metrics=[
            constraint("wave", "maximize", 0.0),
            constraint("circle", "maximize", 0.0),
            constraint("sum", "minimize", 1.0),
        ],
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: gramacy(**point))
    kept: list[tuple[float, float]] = []
    for best in experiment.best_assignments():
        place = (best.assignments["x"], best.assignments["y"])
        if all(math.dist(place, other) >= APART for other in kept):
            kept.append(place)
    return len(kept)


def test_many_more_points_that_satisfy_all_constraints_are_found_than_at_random():
    with nextpoint.local() as client:
        found = {
            kind: [different_points_found(client, kind, each) for each in range(EXPERIMENTS)]
            for kind in ("optimized", "random")
        }

    assert median(found["optimized"]) >= 3 * median(found["random"]), found
