"""Where to look around places that are known."""

import numpy as np
import pytest
from tests.unit.optimizer.problems import at_most, equals

from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace
from nextpoint_service.optimizer.candidates import around
from nextpoint_service.optimizer.layout import layout_of

CUBE = tuple(DoubleParameter(name, 0.0, 1.0) for name in "abc")
BELOW = at_most(1.0, a=1.0, b=1.0, c=1.0)
EXACTLY = equals(1.0, a=1.0, b=1.0, c=1.0)


@pytest.mark.parametrize(
    ("constraint", "place"),
    [
        pytest.param(BELOW, (0.2, 0.3, 0.1), id="inside"),
        pytest.param(BELOW, (0.0, 0.3, 0.1), id="on a bound"),
        pytest.param(BELOW, (0.2, 0.3, 0.5), id="on the constraint"),
        pytest.param(BELOW, (0.0, 0.0, 0.0), id="in a corner of the bounds"),
        pytest.param(BELOW, (1.0, 0.0, 0.0), id="in a corner of both"),
        pytest.param(EXACTLY, (0.2, 0.3, 0.5), id="on the flat"),
        pytest.param(EXACTLY, (0.0, 1.0, 0.0), id="in a corner of the flat"),
    ],
)
def test_around_a_feasible_place_there_are_other_feasible_ones(constraint, place):
    layout = layout_of(SearchSpace(CUBE, (constraint,)))
    centre = np.array([place])

    rows = around(layout, centre, each=20, random=np.random.default_rng(0))

    assert layout.holds(rows).all()
    assert ((rows >= 0.0) & (rows <= 1.0)).all()
    moved = np.abs(rows - centre).max(axis=1) > 1e-6
    assert moved.mean() > 0.2
