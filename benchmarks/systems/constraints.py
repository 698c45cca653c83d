"""How far constraints are missed, for systems that learn it as they learn a metric."""

from problems import Point, Problem, Values


def missed(problem: Problem, point: Point, values: Values) -> list[float]:
    """Return for each limit and each linear constraint what is above it; 0 and less is none."""
    return [values[name] - limit for name, limit in problem.limits.items()] + [
        sum(weight * float(point[name]) for name, weight in row.weights.items()) - row.bound
        for row in problem.linear
    ]
