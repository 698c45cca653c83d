"""Do cheap evaluations help, and do they harm where they mislead? Through the service."""

import math
from statistics import median

import pytest
from tests.quality.functions import LEAST_OF_BRANIN, branin

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
BEST_OF_HARTMANN = 3.32237


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


def branin_of_hills(point: list[float]) -> float:
    """Return the function of Branin on the unit square, its three valleys turned into hills."""
    return -branin(15 * point[0] - 5, 15 * point[1])


def a_misleading_one(point: list[float]) -> float:
    """Return what is worst where Branin is best, with waves of its own."""
    return -branin_of_hills(point) + 50.0 * math.sin(9.0 * point[0])


def best_value(
    client, number: int, dimension: int, full, *, cheap=None, budget: int = BUDGET
) -> float:
    """Return the best value of an experiment, without tasks or with them."""
    experiment = client.create_experiment(
        name=f"{full.__name__} {number}",
        parameters=[nextpoint.Double(f"x{index}", 0, 1) for index in range(dimension)],
        metrics=["value"],
        budget=budget,
        tasks=TASKS if cheap else (),
    )
    for suggestion in experiment.suggestions():
        point = [suggestion.assignments[f"x{index}"] for index in range(dimension)]
        is_full = suggestion.task is None or suggestion.task.cost == 1.0
        value = full(point) if is_full else cheap(point)
        experiment.create_observation(suggestion=suggestion, values={"value": value})
    experiment.refresh()
    assert experiment.progress.budget_consumed == budget
    (best,) = experiment.best_assignments()
    return best.values["value"]


def median_regret(client, best: float, *what, **how) -> float:
    """Return how far the best values of experiments are from the optimum."""
    regrets = [best - best_value(client, number, *what, **how) for number in range(EXPERIMENTS)]
    print(what, how, regrets)  # noqa: T201 -- how good they are is worth a look
    return median(regrets)


def test_cheap_evaluations_find_much_better_points_for_the_same_budget():
    with nextpoint.local() as client:
        without = median_regret(client, BEST_OF_HARTMANN, 6, hartmann)
        rough = median_regret(client, BEST_OF_HARTMANN, 6, hartmann, cheap=a_rough_one)

    assert rough < 0.5 * without


def test_cheap_evaluations_that_mislead_do_not_ruin_it():
    # At least half of the budget goes to full evaluations, whatever the others say.
    with nextpoint.local() as client:
        half = median_regret(client, -LEAST_OF_BRANIN, 2, branin_of_hills, budget=BUDGET // 2)
        misleading = median_regret(
            client, -LEAST_OF_BRANIN, 2, branin_of_hills, cheap=a_misleading_one
        )

    assert misleading < half
