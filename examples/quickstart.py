"""Ask and tell: the whole of Nextpoint in one loop, with a service of its own.

Run it with .venv/bin/python examples/quickstart.py
"""

import math

import nextpoint

BUDGET = 20


def branin(x1: float, x2: float) -> float:
    """Return the Branin function, whose smallest value is 0.3979."""
    bend = x2 - 5.1 / (4 * math.pi**2) * x1**2 + 5 / math.pi * x1 - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x1) + 10


def main() -> None:
    """Ask, evaluate, tell."""
    with nextpoint.local() as client:
        experiment = client.create_experiment(
            name="Branin",
            parameters=[nextpoint.Double("x1", -5, 10), nextpoint.Double("x2", 0, 15)],
            metrics=[nextpoint.Metric("height", objective="minimize")],
            budget=BUDGET,
        )
        while not experiment.is_finished():
            suggestion = experiment.create_suggestion()
            x1, x2 = suggestion.assignments["x1"], suggestion.assignments["x2"]
            height = branin(x1, x2)
            experiment.create_observation(suggestion=suggestion, values={"height": height})
            made_by = suggestion.provenance.generator
            print(f"{made_by:>13}  x1 {x1:7.3f}  x2 {x2:7.3f}  height {height:8.3f}")
        for best in experiment.best_assignments():
            print(f"best: {dict(best.assignments)} with {best.values['height']:.4f}")


if __name__ == "__main__":
    main()
