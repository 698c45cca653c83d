"""Does it optimize? Through the service, as a user does it."""

import math
from statistics import median

import pytest

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

OPTIMUM = 0.397887
EVALUATIONS = 30
EXPERIMENTS = 5


def branin(x: float, y: float) -> float:
    """Return the function whose minimum is 0.397887: https://www.sfu.ca/~ssurjano/branin.html."""
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def best_found(client, number: int) -> float:
    # Each experiment has an id, and so a seed, of its own.
    experiment = client.create_experiment(
        name=f"Branin {number}",
        parameters=[nextpoint.Double("x", -5, 10), nextpoint.Double("y", 0, 15)],
        metrics=[nextpoint.Metric("value", objective="minimize")],
        budget=EVALUATIONS,
    )
    while not experiment.is_finished():
        suggestion = experiment.create_suggestion()
        experiment.create_observation(
            suggestion=suggestion, values={"value": branin(**suggestion.assignments)}
        )
    (best,) = experiment.best_assignments()
    return best.values["value"]


def test_thirty_evaluations_come_close_to_the_optimum_of_branin():
    with nextpoint.local() as client:
        found = [best_found(client, number) for number in range(EXPERIMENTS)]

    assert median(found) - OPTIMUM < 0.05, found
