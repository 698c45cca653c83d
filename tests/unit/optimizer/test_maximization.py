import numpy as np
import pytest
from tests.unit.optimizer.problems import (
    EVERY_KIND,
    SQUARE,
    WITH_PRIORS,
    at_least,
    at_most,
    equals,
)
from tests.unit.optimizer.surrogates import a_surrogate, some_rows

from nextpoint_service.domain.search_space import DoubleParameter, SearchSpace
from nextpoint_service.optimizer.candidates import feasible
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.layout import layout_of
from nextpoint_service.optimizer.maximization import maximize, maximize_again
from nextpoint_service.optimizer.priors import Guide

PARAMETERS = (*EVERY_KIND, *WITH_PRIORS)
BOUNDED = (at_most(4.0, double=1.0, few=1.0), at_least(-1.0, double=1.0, normal=-1.0))
SPACES = [
    pytest.param(SQUARE, id="real"),
    pytest.param(SearchSpace(PARAMETERS), id="mixed"),
    pytest.param(SearchSpace(PARAMETERS, BOUNDED), id="bounded"),
    pytest.param(SearchSpace(PARAMETERS, (equals(3.0, few=1.0, beta=1.0),)), id="equal"),
    pytest.param(SearchSpace(PARAMETERS[6:9]), id="discrete"),
]


def of_a_hill(random, space=SQUARE):
    """Return the acquisition after twelve points of a hill, and their rows, the best first."""
    rows = some_rows(12, space)
    heights = -((rows - 0.4) ** 2).sum(axis=1)
    known = Known((a_surrogate(rows, heights, space),), rows, rows[:0])
    return acquisition_of(known, Guide({}, 0.0), random), rows[np.argsort(-heights)]


@pytest.mark.parametrize("space", SPACES)
def test_what_is_found_is_never_worse_than_the_best_points_and_what_is_near_them(space):
    layout = layout_of(space)
    random = np.random.default_rng(1)
    acquisition, rows = of_a_hill(random, space)

    found, scores = maximize(acquisition, layout, rows, random)

    near = [rows + scale * random.standard_normal(rows.shape) for scale in (0.1, 0.01, 0.001)]
    others = np.vstack([rows, feasible(layout, layout.snapped(np.vstack(near)))])
    assert len(feasible(layout, found[:1])) == 1
    assert scores[0] == pytest.approx(acquisition.values(found[:1])[0])
    assert scores[0] >= acquisition.values(others).max() - 1e-6


def waves(rows):
    """Return heights with twenty hills along each axis, the best around 0.375."""
    return np.cos(40 * np.pi * (rows - 0.375)).sum(axis=1) - ((rows - 0.375) ** 2).sum(axis=1)


def test_the_narrow_hill_of_the_best_point_is_found_among_many_others():
    space = SearchSpace(tuple(DoubleParameter(f"x{axis}", 0.0, 1.0) for axis in range(6)))
    random = np.random.default_rng(0)
    near = np.clip(0.375 + 0.005 * random.standard_normal((40, 6)), 0.0, 1.0)
    rows = np.vstack([random.random((40, 6)), near])
    known = Known((a_surrogate(rows, waves(rows), space),), rows, rows[:0])
    acquisition = acquisition_of(known, Guide({}, 0.0), random)
    centres = rows[np.argsort(-waves(rows))][:8]

    found, scores = maximize(acquisition, layout_of(space), centres, random)

    near = [centres + scale * random.standard_normal(centres.shape) for scale in (0.1, 0.01, 0.001)]
    others = np.clip(np.vstack([centres, *near]), 0.0, 1.0)
    assert scores[0] >= acquisition.values(others).max()
    assert np.abs(found[0] - 0.375).max() < 0.02


class Misleading:
    """An acquisition whose gradient leads into a corner."""

    def __init__(self, acquisition):
        self.guide = acquisition.guide
        self.values = acquisition.values

    def with_gradient(self, place):
        return float(place.sum()), np.ones_like(place)


def test_what_is_found_is_never_worse_than_where_the_search_began():
    acquisition, rows = of_a_hill(np.random.default_rng(1))

    _, scores = maximize(Misleading(acquisition), layout_of(SQUARE), rows, np.random.default_rng(1))

    assert scores[0] >= acquisition.values(rows).max()


def test_points_of_one_round_are_as_promising_as_those_of_searches_anew():
    layout = layout_of(SQUARE)
    random = np.random.default_rng(0)
    acquisition, rows = of_a_hill(random)
    looked_at = maximize(acquisition, layout, rows, random)
    missing = []

    for _ in range(9):
        acquisition = acquisition.believing(looked_at[0][:1])
        looked_at = maximize_again(acquisition, layout, looked_at, random)
        _, anew = maximize(acquisition, layout, looked_at[0][:8], np.random.default_rng(0))
        missing.append(anew[0] - looked_at[1][0])

    assert float(np.median(missing)) < 0.1


@pytest.mark.parametrize("space", SPACES)
def test_a_search_again_looks_at_all_that_may_still_be_the_most_promising(space):
    layout = layout_of(space)
    acquisition, rows = of_a_hill(np.random.default_rng(0), space)
    looked_at = maximize(acquisition, layout, rows, np.random.default_rng(0))

    believed = acquisition.believing(looked_at[0][:1])
    rows, found = maximize_again(believed, layout, looked_at, np.random.default_rng(0))

    assert len(feasible(layout, rows[:1])) == 1
    assert found[0] >= believed.values(looked_at[0]).max()
    np.testing.assert_allclose(found[:20], believed.values(rows[:20]))
