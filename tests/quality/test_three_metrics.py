"""Does it find the Pareto frontier of three metrics? Through the service."""

import math
from statistics import median

import pytest
from tests.quality.functions import evaluate

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

EVALUATIONS = 60
EXPERIMENTS = 5
THRESHOLD = 1.1
WHOLE = THRESHOLD**3 - math.pi / 6
"""The hypervolume of the whole frontier."""
PARAMETERS = ("a", "b", "c", "d", "e", "f")


def dtlz2(a: float, b: float, *others: float) -> dict[str, float]:
    """Return the problem of Deb et al. (2002), "Scalable multi-objective optimization test
    problems", with three metrics, whose frontier is an eighth of the unit sphere."""
    away = 1.0 + sum((each - 0.5) ** 2 for each in others)
    height, angle = a * math.pi / 2, b * math.pi / 2
    return {
        "x": away * math.cos(height) * math.cos(angle),
        "y": away * math.cos(height) * math.sin(angle),
        "z": away * math.sin(height),
    }


def hypervolume(client, kind: str, number: int) -> float:
    experiment = client.create_experiment(
        name=f"DTLZ2 {kind} {number}",
        type=kind,
        parameters=[nextpoint.Double(name, 0, 1) for name in PARAMETERS],
        metrics=[
            nextpoint.Metric(name, objective="minimize", threshold=THRESHOLD) for name in "xyz"
        ],
        budget=EVALUATIONS,
    )
    evaluate(experiment, lambda point: dtlz2(*(point[name] for name in PARAMETERS)))
    return experiment.hypervolume()


def test_most_of_the_frontier_is_found():
    with nextpoint.local() as client:
        volumes = {
            kind: sorted(hypervolume(client, kind, each) for each in range(EXPERIMENTS))
            for kind in ("optimized", "random")
        }

    left, left_by_chance = (WHOLE - median(volumes[kind]) for kind in ("optimized", "random"))
    assert left < 0.5 * left_by_chance, volumes
