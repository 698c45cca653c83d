"""Finds a feasible point near a place where none is."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from nextpoint_service.domain.search_space import (
    Comparison,
    IntParameter,
    LinearConstraint,
    NumericParameter,
)
from nextpoint_service.optimizer.polytope import Polytope, polytope
from nextpoint_service.optimizer.region import Array, Region, rows_around

Values = list[float | int]

_WINDOW = 1000
"""How far to look for whole numbers at first; a small search is a precise one."""
_NODES = 2000
_SECONDS = 2.0
_HAIRS = (0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7)


def settle(region: Region, place: Array, inside: Polytope | None = None) -> Values | None:
    """Return values that satisfy the constraints, near the place; None when none are found.

    Inequalities hold to the last digit where the region has an interior. `inside` is the region
    without regard to whole numbers; it is used where there are none.
    """
    good_enough = None
    for values in _candidates(region, place, inside):
        match _quality(region, values):
            case 2:
                return values
            case 1:
                good_enough = good_enough or values
    return good_enough


def _quality(region: Region, values: Values) -> int:
    """Return 2 when inequalities hold exactly, 1 when they do up to rounding, 0 when not."""
    point = region.point(values)
    if not all(constraint.holds(point) for constraint in region.constraints):
        return 0
    exact = all(
        constraint.comparison is Comparison.EQUAL or constraint.excess(point) <= 0
        for constraint in region.constraints
    )
    return 2 if exact else 1


def _candidates(region: Region, place: Array, inside: Polytope | None) -> Iterator[Values]:
    start = region.values(place)
    yield start
    if not region.whole.any():
        inside = inside or polytope(region.rows)
        if inside is not None:
            yield from (region.values(inside.pulled(place, hair)) for hair in _HAIRS)
        return
    yield from _with_whole_numbers_of(region, start)
    for window in (_WINDOW, None):
        moved = _nearest(region, start, window)
        if moved is not None:
            yield moved
            yield from _with_whole_numbers_of(region, moved)


def _with_whole_numbers_of(region: Region, values: Values) -> Iterator[Values]:
    """Yield values that differ in the real parameters only, inside what the others leave them."""
    rest = _remaining(region, values)
    if rest is None:
        return
    inside = polytope(rest.rows)
    place = rest.place([v for v, whole in zip(values, region.whole, strict=True) if not whole])
    if inside is None:
        # Equalities can contradict each other by less than what counts as rounding.
        matrix, bound = rest.rows.matrix[rest.rows.equal], rest.rows.bound[rest.rows.equal]
        places = [place - np.linalg.pinv(matrix) @ (matrix @ place - bound)]
    else:
        places = [inside.pulled(place, hair) for hair in _HAIRS]
    for each in places:
        reals = iter(rest.values(each))
        yield [
            value if whole else next(reals)
            for value, whole in zip(values, region.whole, strict=True)
        ]


def _remaining(region: Region, values: Values) -> Region | None:
    """Return the region of the real parameters when the whole numbers are these."""
    reals = tuple(each for each in region.parameters if not isinstance(each, IntParameter))
    names = {each.name for each in reals}
    point = region.point(values)
    constraints = []
    for constraint in region.constraints:
        terms = tuple(term for term in constraint.terms if term.name in names)
        if terms:
            fixed = sum(
                Fraction(term.weight) * Fraction(point[term.name])
                for term in constraint.terms
                if term.name not in names
            )
            threshold = float(Fraction(constraint.threshold) - fixed)
            constraints.append(LinearConstraint(constraint.comparison, terms, threshold))
    if not constraints:
        return None
    return Region.of(reals, tuple(constraints))


def _nearest(region: Region, start: Values, window: int | None) -> Values | None:
    """Return the feasible values with the smallest sum of distances from `start`.

    A mixed-integer linear program in the distances: of what is near, only small numbers are
    large enough to matter, and the solver's tolerances are harmless.
    """
    from scipy import optimize  # noqa: PLC0415  # half a second that few need

    units = [
        Fraction(1) if isinstance(each, IntParameter) else Fraction(each.high) - Fraction(each.low)
        for each in region.parameters
    ]
    rows = rows_around(region.parameters, region.constraints, start, units)
    low, high = _reach(region.parameters, start, units, window)
    size = len(units)
    eye = np.eye(size)
    widest = np.maximum(high - low, 1.0)
    constraints = [
        optimize.LinearConstraint(
            np.hstack([rows.matrix, np.zeros_like(rows.matrix)]),
            np.where(rows.equal, rows.bound, -np.inf),
            rows.bound,
        ),
        optimize.LinearConstraint(
            np.vstack([np.hstack([eye, -eye]), np.hstack([-eye, -eye])]), -np.inf, 0
        ),
    ]
    solution = optimize.milp(
        np.concatenate([np.zeros(size), 1.0 / widest]),
        integrality=np.concatenate([region.whole, np.zeros(size)]),
        bounds=optimize.Bounds(
            np.concatenate([low, np.zeros(size)]), np.concatenate([high, widest])
        ),
        constraints=constraints,
        options={"node_limit": _NODES, "time_limit": _SECONDS},
    )
    if solution.x is None:
        return None
    return [
        _moved(parameter, value, float(step))
        for parameter, value, step in zip(region.parameters, start, solution.x[:size], strict=True)
    ]


def _reach(
    parameters: tuple[NumericParameter, ...],
    start: Values,
    units: list[Fraction],
    window: int | None,
) -> tuple[Array, Array]:
    low, high = [], []
    for parameter, value, unit in zip(parameters, start, units, strict=True):
        down = float((Fraction(parameter.low) - Fraction(value)) / unit)
        up = float((Fraction(parameter.high) - Fraction(value)) / unit)
        low.append(down if window is None else max(down, -window))
        high.append(up if window is None else min(up, window))
    return np.array(low), np.array(high)


def _moved(parameter: NumericParameter, value: float, step: float) -> float | int:
    if isinstance(parameter, IntParameter):
        return min(max(int(value) + round(step), parameter.low), parameter.high)
    exact = Fraction(value) + Fraction(step) * (Fraction(parameter.high) - Fraction(parameter.low))
    return min(max(float(exact), parameter.low), parameter.high)
