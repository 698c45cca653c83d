from dataclasses import replace

import numpy as np
import pytest
from tests.unit.optimizer.surrogates import some_rows

from nextpoint_service.optimizer.fit import Data
from nextpoint_service.optimizer.lessons import Learner, taught_by

ROWS = some_rows(140)
DATA = Data(
    ROWS, np.sin(5 * ROWS[:, 0]) + ROWS[:, 1], np.arange(ROWS.shape[1]), noise=np.full(140, 0.01)
)


def first(count):
    return Data(DATA.points[:count], DATA.values[:count], DATA.group, DATA.noise[:count])


def _first(changes, count):
    return {name: each if name == "group" else each[:count] for name, each in changes.items()}


def equal(one, other):
    same = (one.kernel.scale, one.noise) == (other.kernel.scale, other.noise)
    return same and np.array_equal(one.kernel.lengthscales, other.kernel.lengthscales)


@pytest.mark.parametrize(
    ("count", "taught"),
    [
        pytest.param(1, 1, id="one"),
        pytest.param(96, 96, id="few"),
        pytest.param(97, 96, id="one more"),
        pytest.param(112, 96, id="enough more, learned ahead"),
        pytest.param(113, 112, id="learned"),
        pytest.param(1000, 992, id="many"),
    ],
)
def test_many_values_teach_so_many_at_a_time(count, taught):
    assert taught_by(count) == taught


def test_what_is_learned_ahead_is_what_is_learned_at_once():
    learner = Learner()

    for count in range(100, 141):
        found = learner.learn(first(count), first)
        learner.learn_ahead()

        assert equal(found, Learner().learn(first(count), first))


def test_what_is_needed_next_is_learned_ahead():
    learner = Learner()
    for count in (111, 112):
        learner.learn(first(count), first)
        assert first(112) not in learner
        learner.learn_ahead()

    assert first(112) in learner


def test_nothing_is_learned_ahead_of_data_that_were_not_known_before():
    learner = Learner()

    learner.learn(first(112), first)
    learner.learn_ahead()

    assert first(112) not in learner


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"values": DATA.values[::-1].copy()}, id="other values"),
        pytest.param({"noise": np.full(140, 0.1)}, id="other noise"),
        pytest.param({"group": np.zeros_like(DATA.group)}, id="one lengthscale for all"),
        pytest.param({"points": DATA.points[::-1].copy()}, id="other points"),
    ],
)
def test_other_data_teach_something_else(changes):
    learner, other = Learner(), replace(first(90), **_first(changes, 90))
    known = learner.learn(first(90), first)

    found = learner.learn(other, first)

    assert not equal(found, known)
    assert equal(found, Learner().learn(other, first))


def test_what_was_learned_long_ago_is_forgotten_first():
    learner = Learner(remembered=2)

    for count in (50, 60, 70):
        learner.learn(first(count), first)

    assert [first(count) in learner for count in (50, 60, 70)] == [False, True, True]


def test_noise_that_is_unknown_of_the_newest_value_alone_is_unknown():
    learner = Learner()

    known = learner.learn(DATA, first)
    unknown = learner.learn(Data(DATA.points, DATA.values, DATA.group, None), first)

    assert known.noise == 0.0
    assert unknown.noise > 0.0
