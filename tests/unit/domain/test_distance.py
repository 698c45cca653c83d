"""How far points are apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextpoint_service.domain.distance import distance, place
from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)

SPACE = SearchSpace(
    (
        DoubleParameter("real", -10.0, 10.0),
        DoubleParameter("rate", 1e-4, 1.0, log=True),
        DoubleParameter("step", 0.5, 8.0, grid=(0.5, 1.0, 8.0)),
        IntParameter("whole", 0, 4),
        CategoricalParameter("kind", ("x", "y", "z")),
        CategoricalParameter("size", ("s", "m", "l"), ordered=True),
        BoolParameter("flag"),
        DoubleParameter("huge", -1.7e308, 1.7e308),
    )
)
BASE = {
    "real": -10.0,
    "rate": 1e-4,
    "step": 0.5,
    "whole": 0,
    "kind": "x",
    "size": "s",
    "flag": False,
    "huge": -1.7e308,
}


def between(one, other, space=SPACE):
    return distance(place(space, one), place(space, other))


def moved(**values):
    """The distance in one parameter alone."""
    return between(BASE, BASE | values) * math.sqrt(len(BASE))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"real": 0.0}, 0.5),
        ({"real": 30.0}, 2.0),
        ({"rate": 1e-2}, 0.5),
        ({"step": 1.0}, 0.5),
        ({"whole": 1}, 0.25),
        ({"kind": "y"}, 1.0),
        ({"kind": "z"}, 1.0),
        ({"kind": "gone"}, 1.0),
        ({"size": "m"}, 0.5),
        ({"size": "gone"}, 1.0),
        ({"flag": True}, 1.0),
        ({"huge": 0.0}, 0.5),
        ({"step": 3.0}, 1.0),
        ({"rate": -1.0}, 1.0),
    ],
)
def test_a_parameter_counts_by_its_own_scale(values, expected):
    assert moved(**values) == pytest.approx(expected)


def test_several_parameters_count_as_the_root_of_their_mean_square():
    opposite = {
        "real": 10.0,
        "rate": 1.0,
        "step": 8.0,
        "whole": 4,
        "kind": "y",
        "size": "l",
        "flag": True,
        "huge": 1.7e308,
    }

    assert between(BASE, opposite) == pytest.approx(1.0)


def test_a_parameter_that_one_of_them_lacks_tells_them_apart():
    rest = {name: value for name, value in BASE.items() if name != "real"}

    assert between(BASE, rest) > 0.0
    assert between(rest, dict(rest)) == 0.0


@given(st.tuples(*[st.floats(-1.0, 2.0)] * 2), st.tuples(*[st.floats(-1.0, 2.0)] * 2))
def test_the_order_of_two_points_does_not_matter(one, other):
    space = SearchSpace((DoubleParameter("a", 0.0, 1.0), DoubleParameter("b", 0.0, 1.0)))
    one, other = (dict(zip("ab", each, strict=True)) for each in (one, other))

    assert between(one, other, space) == between(other, one, space)
