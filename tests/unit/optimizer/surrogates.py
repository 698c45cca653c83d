"""Builders of what a model knows, so that a test of what is done with it is short."""

import numpy as np
from tests.unit.optimizer.problems import SQUARE, a_problem, points

from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.encoding import encode
from nextpoint_service.optimizer.layout import layout_of
from nextpoint_service.optimizer.outcomes import Outcome, outcomes_of
from nextpoint_service.optimizer.surrogate import Surrogate, surrogate_of


def some_rows(count: int, space: SearchSpace = SQUARE) -> Array:
    """Return the rows of the first points of a space, spread evenly."""
    layout = layout_of(space)
    return layout.embedded([encode(layout.axes, each) for each in points(space, count)])


def a_surrogate(
    rows: Array, values: Array, space: SearchSpace = SQUARE, *, outcome: Outcome | None = None
) -> Surrogate:
    """Return what is learned of a metric from values, of unknown noise, at the rows."""
    if outcome is None:
        (outcome,) = outcomes_of(a_problem().experiment, [])
    unknown = np.full(len(rows), np.nan)
    return surrogate_of(outcome, rows, values, unknown, layout_of(space).group)
