"""Do cheap evaluations help, and do they harm where they mislead? Through the service."""

import math
from statistics import median

import pytest

import nextpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

BUDGET = 15
EXPERIMENTS = 5
TASKS = (nextpoint.Task("full", 1.0), nextpoint.Task("tenth", 0.1))
ALPHA = (1.0, 1.2, 3.0, 3.2)
A = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)
BEST = 3.32237


def hartmann(point: list[float], lowered: float = 0.0) -> float:
    """Return the function of Hartmann in six dimensions, its first hill lowered by so much."""
    hills = (
        math.exp(-sum(a * (x - p) ** 2 for a, x, p in zip(widths, point, centre, strict=True)))
        for widths, centre in zip(A, P, strict=True)
    )
    first, *others = ALPHA
    heights = (first - lowered, *others)
    return sum(height * hill for height, hill in zip(heights, hills, strict=True))


def a_rough_one(point: list[float]) -> float:
    """Return what is lower, flatter and a little beside."""
    return 0.7 * hartmann(point, lowered=0.45) - 0.3


def a_misleading_one(point: list[float]) -> float:
    """Return what is best elsewhere."""
    return hartmann([1.0 - each for each in point])


def regret(client, number: int, cheap=None, budget: int = BUDGET) -> float:
    """Return how far the best of an experiment is from the optimum, without tasks or with them."""
    experiment = client.create_experiment(
        name=f"Hartmann {number}",
        parameters=[nextpoint.Double(f"x{index}", 0, 1) for index in range(6)],
        metrics=["value"],
        budget=budget,
        tasks=TASKS if cheap else (),
    )
    for suggestion in experiment.suggestions():
        point = [suggestion.assignments[f"x{index}"] for index in range(6)]
        full = suggestion.task is None or suggestion.task.cost == 1.0
        value = hartmann(point) if full else cheap(point)
        experiment.create_observation(suggestion=suggestion, values={"value": value})
    experiment.refresh()
    assert experiment.progress.budget_consumed == budget
    (best,) = experiment.best_assignments()
    return BEST - best.values["value"]


def test_cheap_evaluations_find_better_points_for_the_same_budget_and_bad_ones_do_not_ruin_it():
    with nextpoint.local() as client:
        found = {
            name: [regret(client, number, *how) for number in range(EXPERIMENTS)]
            for name, how in (
                ("without", ()),
                ("without, half of the budget", (None, BUDGET // 2)),
                ("rough", (a_rough_one,)),
                ("misleading", (a_misleading_one,)),
            )
        }
    medians = {name: median(regrets) for name, regrets in found.items()}
    print(medians, found)  # noqa: T201 -- how good they are is worth a look

    assert medians["rough"] < 0.5 * medians["without"]
    # At least half of the budget goes to full evaluations, whatever the others say.
    assert medians["misleading"] < medians["without, half of the budget"]
