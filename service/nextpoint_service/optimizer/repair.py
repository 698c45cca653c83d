"""Finds a feasible point near a place where none is."""

import math
from collections.abc import Iterator
from enum import Enum
from fractions import Fraction
from time import monotonic

import numpy as np
from scipy import optimize

from nextpoint_service.domain.linear_constraints import Comparison, LinearConstraint
from nextpoint_service.domain.search_space import IntParameter, NumericParameter
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.axes import AT_BOUND, clamp
from nextpoint_service.optimizer.linear_system import Region, inequalities_hold, system_around
from nextpoint_service.optimizer.polytope import Polytope, polytope

Values = list[float | int]

_WINDOW = 1000
"""How far to look for whole numbers at first; a small search is a precise one."""
NEAR = 0.5
"""A gap of the solver that costs a fraction of the nearest point and is about as near."""
ANY = 1e9
"""The gap that makes do with the first point that is found."""
_PROVED_INFEASIBLE = 2
_DIGITS = 9
"""How many digits of its range a value keeps that was moved."""
_HAIRS = (0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7)


class Missing(Enum):
    """Why there are no values."""

    PROVED = "there are none"
    NOT_FOUND = "none were found; there may be some"


def settle(
    region: Region,
    place: Array,
    inside: Polytope | None = None,
    *,
    until: float,
    gap: float = NEAR,
) -> Values | Missing:
    """Return values that satisfy the constraints, near the place.

    Inequalities hold to the last digit where the region has an interior. `inside` is the region
    without regard to whole numbers; it is used where there are none. `until`, on the monotonic
    clock, is when the search ends; `gap` is how much farther away the values may be than need be.
    """
    good_enough: Values | None = None
    missing = Missing.NOT_FOUND
    for values in _candidates(region, place, inside, until=until, gap=gap):
        if isinstance(values, Missing):
            missing = values
            continue
        match _quality(region, values):
            case 2:
                return _evened(region, values)
            case 1:
                good_enough = good_enough or values
    return good_enough or missing


def _quality(region: Region, values: Values) -> int:
    """Return 2 when inequalities hold exactly, 1 when they do up to rounding, 0 when not."""
    point = region.point(values)
    if not all(constraint.holds(point) for constraint in region.constraints):
        return 0
    return 2 if inequalities_hold(region.constraints, point) else 1


def _evened(region: Region, values: Values) -> Values:
    """Return the values without what lies far below their ranges, where they still are feasible.

    What is moved into a corner of bounds and constraints stops a hair short of it.
    """
    evened = [
        _even(parameter, value) for parameter, value in zip(region.parameters, values, strict=True)
    ]
    # An equality that holds is not made to hold less.
    kept = any(each.comparison is Comparison.EQUAL for each in region.constraints)
    return values if kept or _quality(region, evened) < 2 else evened


def _even(parameter: NumericParameter, value: float) -> float | int:
    width = parameter.high - parameter.low
    if isinstance(parameter, IntParameter) or math.isinf(width):
        return value
    for bound in (parameter.low, parameter.high):
        if abs(value - bound) <= AT_BOUND * width:
            return bound
    return clamp(
        round(value, _DIGITS - math.ceil(math.log10(width))), parameter.low, parameter.high
    )


def _candidates(
    region: Region, place: Array, inside: Polytope | None, *, until: float, gap: float
) -> Iterator[Values | Missing]:
    start = region.values(place)
    yield start
    if region.whole.any():
        yield from _with_whole_numbers_of(region, start)
    else:
        inside = inside or polytope(region.system)
        if inside is not None:
            yield from (region.values(inside.pulled(place, hair)) for hair in _HAIRS)
    for window in _windows(region):
        moved = _nearest(region, start, window, until=until, gap=gap)
        # What is proved of a window is proved of nothing else.
        if not isinstance(moved, Missing):
            yield moved
            yield from _with_whole_numbers_of(region, moved)
        elif window is None:
            yield moved


def _windows(region: Region) -> tuple[int | None, ...]:
    """Return how far to look for whole numbers; None is everywhere."""
    widest = max(
        (each.high - each.low for each in region.parameters if isinstance(each, IntParameter)),
        default=0,
    )
    return (_WINDOW, None) if widest > _WINDOW else (None,)


def _with_whole_numbers_of(region: Region, values: Values) -> Iterator[Values]:
    """Yield values that differ in the real parameters only, inside what the others leave them."""
    rest = _remaining(region, values)
    if rest is None:
        return
    inside = polytope(rest.system)
    place = rest.place([v for v, whole in zip(values, region.whole, strict=True) if not whole])
    if inside is None:
        # Equalities can contradict each other by less than what counts as rounding.
        matrix, bound = rest.system.matrix[rest.system.equal], rest.system.bound[rest.system.equal]
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


def _nearest(
    region: Region, start: Values, window: int | None, *, until: float, gap: float
) -> Values | Missing:
    """Return feasible values with about the smallest sum of distances from `start`.

    A mixed-integer linear program in the distances: of what is near, only small numbers are
    large enough to matter, and the solver's tolerances are harmless.
    """
    seconds = until - monotonic()
    if seconds <= 0:
        return Missing.NOT_FOUND
    units = [
        Fraction(1) if isinstance(each, IntParameter) else Fraction(each.high) - Fraction(each.low)
        for each in region.parameters
    ]
    system = system_around(region.parameters, region.constraints, start, units)
    low, high = _reach(region.parameters, start, units, window)
    size = len(units)
    eye = np.eye(size)
    widest = np.maximum(high - low, 1.0)
    constraints = [
        optimize.LinearConstraint(
            np.hstack([system.matrix, np.zeros_like(system.matrix)]),
            np.where(system.equal, system.bound, -np.inf),
            system.bound,
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
        options={"time_limit": seconds, "mip_rel_gap": gap},
    )
    if solution.x is None:
        proved = solution.status == _PROVED_INFEASIBLE
        return Missing.PROVED if proved else Missing.NOT_FOUND
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
