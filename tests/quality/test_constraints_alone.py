"""Does it find many different points that satisfy all constraints? Through the service."""

import math
from statistics import median

import pytest

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 50
EXPERIMENTS = 5
APART = 0.05
"""Points that are closer count once."""


def constraints(x: float, y: float) -> dict[str, float]:
    """Return the constraints of Gramacy et al. (2016), "Modeling an augmented Lagrangian for
    blackbox constrained optimization", and that the sum be small: a fiftieth of the square."""
    return {
        "wave": 0.5 * math.sin(2 * math.pi * (x**2 - 2 * y)) + x + 2 * y - 1.5,
        "circle": 1.5 - x**2 - y**2,
        "sum": x + y,
    }


def different_points_found(client, kind: str, number: int) -> int:
    def constraint(name: str, objective: str, threshold: float) -> nextpoint.Metric:
        return nextpoint.Metric(
            name, objective=objective, strategy="constraint", threshold=threshold
        )

    experiment = client.create_experiment(
        name=f"Gramacy {kind} {number}",
        type=kind,
        parameters=[nextpoint.Double("x", 0, 1), nextpoint.Double("y", 0, 1)],
        metrics=[
            constraint("wave", "maximize", 0.0),
            constraint("circle", "maximize", 0.0),
            constraint("sum", "minimize", 1.0),
        ],
        budget=EVALUATIONS,
    )
    while not experiment.is_finished():
        suggestion = experiment.create_suggestion()
        values = constraints(**suggestion.assignments)
        experiment.create_observation(suggestion=suggestion, values=values)
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
