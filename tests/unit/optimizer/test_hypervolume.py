"""The volume of a union of boxes, against a count of unit cells."""

import math
from itertools import product
from time import monotonic, process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextpoint_service.optimizer.hypervolume import hypervolume

FOREVER = math.inf


@st.composite
def boxes(draw):
    """Boxes with whole corners, small enough to count their cells."""
    metrics = draw(st.integers(2, 5))
    corner = st.tuples(*[st.integers(0, 4).map(float)] * metrics)
    return draw(st.lists(corner, max_size=8))


def cells(gains):
    """The definition: the unit cells that at least one box has."""
    return len({cell for box in gains for cell in product(*(range(int(end)) for end in box))})


@given(boxes())
def test_the_volume_is_that_of_the_cells_that_a_box_has(gains):
    assert hypervolume(gains, until=FOREVER) == pytest.approx(cells(gains), rel=1e-12)


@given(boxes(), st.randoms(use_true_random=False))
def test_neither_the_order_of_points_nor_that_of_metrics_matters(gains, random):
    order = random.sample(range(5), 5)
    shuffled = [
        tuple(box[each] for each in order if each < len(box))
        for box in random.sample(gains, len(gains))
    ]

    one, other = (hypervolume(each, until=FOREVER) for each in (gains, shuffled))

    assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("metrics", range(2, 9))
def test_two_boxes_count_what_they_share_once(metrics):
    wide, narrow = (2.0,) * (metrics - 1) + (1.0,), (1.0,) * (metrics - 1) + (3.0,)

    found = hypervolume([wide, narrow], until=FOREVER)

    assert found == pytest.approx(2 ** (metrics - 1) + 3 - 1, rel=1e-12)


@pytest.mark.parametrize("size", [1e-150, 1e100])
def test_the_size_of_the_numbers_does_not_matter(size):
    found = hypervolume([(2 * size, size), (size, 2 * size)], until=FOREVER)

    assert found == pytest.approx(3 * size**2, rel=1e-12)


def test_a_volume_beyond_the_largest_number_is_infinite():
    assert hypervolume([(1e300, 1e300)], until=FOREVER) == math.inf
    assert hypervolume([(math.inf, 1.0)], until=FOREVER) == math.inf


def test_it_ends_when_its_time_is_over():
    directions = np.abs(np.random.default_rng(0).standard_normal((300, 8)))
    frontier = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    began = process_time()

    assert hypervolume(list(map(tuple, frontier)), until=monotonic() + 0.2) is None
    assert process_time() - began < 5.0
