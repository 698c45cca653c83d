"""Does it find the best of two branches with parameters of their own? Through the service."""

from statistics import median

import pytest
from tests.quality.functions import LEAST_OF_BRANIN, branin, evaluate

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 40
EXPERIMENTS = 5


def loss(point) -> float:
    """Return Branin's function in one branch, and a bowl that ends higher in the other.

    `share` is in both, and its best value is the same.
    """
    shared = 100 * (point["share"] - 0.7) ** 2
    if point["kind"] == "bowl":
        return 3 + 10 * (point["depth"] - 2) ** 2 + 5 * (point["rate"] - 0.1) ** 2 + shared
    return branin(point["x"], point["y"]) + shared


def least_loss(client, kind: str, number: int) -> float:
    experiment = client.create_experiment(
        name=f"branches {kind} {number}",
        type=kind,
        conditionals=[nextpoint.Conditional("kind", ["bowl", "branin"])],
        parameters=[
            nextpoint.Double("share", 0, 1),
            nextpoint.Int("depth", 1, 8, conditions={"kind": "bowl"}),
            nextpoint.Double("rate", 1e-4, 1, log=True, conditions={"kind": "bowl"}),
            nextpoint.Double("x", -5, 10, conditions={"kind": "branin"}),
            nextpoint.Double("y", 0, 15, conditions={"kind": "branin"}),
        ],
        metrics=[nextpoint.Metric("loss", objective="minimize")],
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: {"loss": loss(point)})
    return next(iter(experiment.best_assignments())).values["loss"]


def test_the_better_of_two_branches_is_searched_through():
    with nextpoint.local() as client:
        found = [least_loss(client, "optimized", number) for number in range(EXPERIMENTS)]
        by_chance = [least_loss(client, "random", number) for number in range(EXPERIMENTS)]

    losses = {"optimized": sorted(found), "random": sorted(by_chance)}
    assert median(found) - LEAST_OF_BRANIN < 0.2 * (median(by_chance) - LEAST_OF_BRANIN), losses
