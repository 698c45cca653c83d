"""Which of the places that a search found is handed out."""

import numpy as np
import pytest
from tests.unit.optimizer.problems import modelled, observed

from nextpoint_service.domain.search_space import DoubleParameter, IntParameter, SearchSpace
from nextpoint_service.optimizer.search import Found, propose_by

SPACE = SearchSpace((DoubleParameter("a", 0.0, 1.0), IntParameter("n", 0, 10)))
MADE = [observed({"a": 0.5, "n": each}, y=float(each)) for each in (0, 5, 10)]


def the_point(rows, values):
    """Return the point, and how promising it is, of a search that found these rows."""
    found = Found(np.array(rows), values, "test")
    (proposal,) = propose_by(
        lambda *_: found, modelled(space=SPACE, observations=MADE), most_observations=100
    )
    return proposal.assignments, proposal.provenance.acquisition_value


def test_it_is_the_most_promising_one():
    rows = [[0.1, 0.4], [0.2, 0.4], [0.3, 0.4]]

    point, value = the_point(rows, lambda rows: rows[:, 0])

    assert point == {"a": 0.3, "n": 4}
    assert value == pytest.approx(0.3)


def test_it_is_the_most_promising_one_after_rounding():
    def near_a_whole_number(rows):
        return -np.abs(rows[:, 1] - 0.42)

    point, value = the_point([[0.1, 0.44], [0.1, 0.46]], near_a_whole_number)

    assert point == {"a": 0.1, "n": 4}
    assert value == pytest.approx(-0.02)


def test_it_is_none_that_was_tried():
    point, _ = the_point([[0.5, 0.5], [0.2, 0.5]], lambda rows: rows[:, 0])

    assert point == {"a": 0.2, "n": 5}
