import pytest
from tests.unit.optimizer.problems import at_most, equals

from nextpoint_service.domain.search_space import (
    BoolParameter,
    CategoricalParameter,
    DoubleParameter,
    IntParameter,
    SearchSpace,
)
from nextpoint_service.optimizer.encoding import (
    AxisKind,
    NotEncodable,
    axes_of,
    decode,
    encode,
    linear_rows,
)

SPACE = SearchSpace(
    (
        DoubleParameter("double", -4.0, 4.0),
        DoubleParameter("rate", 0.01, 1.0, log=True),
        DoubleParameter("step", 0.5, 8.0, grid=(0.5, 1.0, 8.0)),
        IntParameter("few", -2, 9),
        IntParameter("many", -(2**53), 2**53),
        IntParameter("doubling", 1, 1024, log=True),
        CategoricalParameter("kind", ("x", "y", "z")),
        CategoricalParameter("size", ("s", "m", "l"), ordered=True),
        BoolParameter("flag"),
    )
)
POINT = {
    "double": 2.0,
    "rate": 0.1,
    "step": 8.0,
    "few": 0,
    "many": 0,
    "doubling": 32,
    "kind": "y",
    "size": "l",
    "flag": True,
}


def test_names_and_scales_of_users_do_not_reach_the_model():
    encoded = encode(axes_of(SPACE), POINT)

    assert list(encoded) == [f"p{index}" for index in range(9)]
    assert list(encoded.values()) == pytest.approx([0.75, 0.5, 2, 2, 0.5, 0.5, "c1", 2, 1])


def test_a_point_comes_back_as_it_went():
    axes = axes_of(SPACE)

    assert decode(axes, encode(axes, POINT)) == pytest.approx(POINT)


@pytest.mark.parametrize("hair", [1e-16, 1e-12, 1e-9])
def test_a_hair_off_a_bound_is_the_bound(hair):
    axes = axes_of(
        SearchSpace((DoubleParameter("x", 0.1, 0.7), DoubleParameter("rate", 1e-9, 0.3, log=True)))
    )

    low = decode(axes, {"p0": hair, "p1": hair})
    high = decode(axes, {"p0": 1 - hair, "p1": 1 - hair})
    inside = decode(axes, {"p0": 1e-8, "p1": 1 - 1e-8})

    assert low == {"x": 0.1, "rate": 1e-9}
    assert high == {"x": 0.7, "rate": 0.3}
    assert inside["x"] > 0.1
    assert inside["rate"] < 0.3


@pytest.mark.parametrize("place", [-1.0, 2.0])
def test_what_comes_back_is_within_the_bounds(place):
    axes = axes_of(SPACE)
    encoded = encode(axes, POINT)
    outside = {
        axis.name: encoded[axis.name] if axis.kind is AxisKind.CHOICE else place * 1000
        for axis in axes
    }

    assert SPACE.contains(decode(axes, outside))


@pytest.mark.parametrize(
    "strange",
    [
        {"kind": "w"},
        {"step": 0.7},
        {"rate": -1.0},
        {"few": 0.5},
        {"flag": 1},
        {"double": 1e9},
        {"double": None},
    ],
)
def test_what_has_no_place_is_refused(strange):
    with pytest.raises(NotEncodable):
        encode(axes_of(SPACE), {**POINT, **strange})


@pytest.mark.parametrize("low", [-3, -(2**53), 0, 2**53 - 5000])
def test_the_end_of_a_very_wide_int_is_its_last_value(low):
    axes = axes_of(SearchSpace((IntParameter("n", low, 2**53),)))

    assert decode(axes, {"p0": 1.0}) == {"n": 2**53}


def test_a_number_outside_keeps_its_distance():
    assert encode(axes_of(SPACE), {**POINT, "double": 8.0})["p0"] == 1.5


def test_a_linear_constraint_means_the_same_to_the_model():
    space = SearchSpace(SPACE.parameters, (at_most(6.0, double=1.0, few=2.0),))
    axes = axes_of(space)
    (row,) = linear_rows(space, axes)

    def excess(double, few):
        encoded = encode(axes, {**POINT, "double": double, "few": few})
        return sum(weight * encoded[name] for name, weight in row.weights.items()) - row.bound

    assert excess(4.0, 1) == pytest.approx(0.0, abs=1e-12)
    assert excess(4.0, 2) > 0 > excess(3.9, 1)


def test_whole_numbers_in_an_equality_are_rounded_afterwards():
    space = SearchSpace(
        (IntParameter("a", 0, 5), IntParameter("b", 0, 5), IntParameter("c", 0, 5)),
        (equals(5.0, a=1.0, b=1.0),),
    )

    assert [axis.kind for axis in axes_of(space)] == [AxisKind.REAL, AxisKind.REAL, AxisKind.WHOLE]
