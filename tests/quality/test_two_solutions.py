"""Does it find two solutions? Through the service."""

import math
from statistics import median

import pytest
from tests.quality.functions import evaluate

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVALUATIONS = 40
EXPERIMENTS = 9
PEAKS = ((1.0, (0.2, 0.75, 0.3)), (0.9, (0.8, 0.3, 0.6)))
"""Two hills that do not touch: how high they are, and where."""


def taste(x: float, y: float, z: float) -> float:
    return sum(height * math.exp(-15 * math.dist((x, y, z), place) ** 2) for height, place in PEAKS)


def taste_of_both(client, kind: str, number: int) -> float:
    """Return the sum of the two solutions' values; that of both peaks is 1.9."""
    experiment = client.create_experiment(
        name=f"two solutions {kind} {number}",
        type=kind,
        parameters=[nextpoint.Double(name, 0, 1) for name in ("x", "y", "z")],
        metrics=["taste"],
        num_solutions=len(PEAKS),
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: {"taste": taste(**point)})
    return sum(best.values["taste"] for best in experiment.best_assignments())


def test_both_peaks_are_found():
    with nextpoint.local() as client:
        sums = {
            kind: sorted(taste_of_both(client, kind, each) for each in range(EXPERIMENTS))
            for kind in ("optimized", "random")
        }

    both = sum(height for height, _ in PEAKS)
    found, by_chance = (both - median(sums[kind]) for kind in ("optimized", "random"))
    assert found < 0.1 * by_chance, sums
