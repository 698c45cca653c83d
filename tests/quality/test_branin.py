"""Does it optimize? Through the service, as a user does it."""

from statistics import median

import pytest
from tests.quality.functions import LEAST_OF_BRANIN, branin, evaluate

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 30
EXPERIMENTS = 5


def best_found(client, number: int) -> float:
    # Each experiment has an id, and so a seed, of its own.
    experiment = client.create_experiment(
        name=f"Branin {number}",
        parameters=[nextpoint.Double("x", -5, 10), nextpoint.Double("y", 0, 15)],
        metrics=[nextpoint.Metric("value", objective="minimize")],
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: {"value": branin(**point)})
    (best,) = experiment.best_assignments()
    return best.values["value"]


def test_thirty_evaluations_come_close_to_the_optimum_of_branin():
    with nextpoint.local() as client:
        found = [best_found(client, number) for number in range(EXPERIMENTS)]

    assert median(found) - LEAST_OF_BRANIN < 0.05, found
