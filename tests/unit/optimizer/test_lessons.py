import numpy as np
import pytest
from tests.unit.optimizer.surrogates import some_rows

from nextpoint_service.optimizer.fit import Data
from nextpoint_service.optimizer.lessons import Learner, lessons

ROWS = some_rows(140)
DATA = Data(
    ROWS, np.sin(5 * ROWS[:, 0]) + ROWS[:, 1], np.arange(ROWS.shape[1]), noise=np.full(140, 0.01)
)


def first(count):
    return Data(DATA.points[:count], DATA.values[:count], DATA.group, DATA.noise[:count])


@pytest.mark.parametrize(
    ("count", "used", "for_later"),
    [
        pytest.param(1, 1, 1, id="one"),
        pytest.param(96, 96, 96, id="few"),
        pytest.param(97, 96, 96, id="one more"),
        pytest.param(111, 96, 96, id="not enough more"),
        pytest.param(112, 96, 112, id="enough more, the first step"),
        pytest.param(113, 96, 112, id="the second step"),
        pytest.param(114, 112, 112, id="learned"),
        pytest.param(1000, 992, 992, id="many"),
    ],
)
def test_many_values_teach_so_many_at_a_time(count, used, for_later):
    assert lessons(count) == (used, for_later)


def test_what_is_learned_in_steps_is_what_is_learned_at_once():
    learner = Learner()

    for count in range(100, 141):
        found = learner.learn(first(count), first)
        learner.learn_ahead()

        alone = Learner().learn(first(count), first)
        assert np.array_equal(found.kernel.lengthscales, alone.kernel.lengthscales)


def test_what_is_needed_next_is_learned_ahead():
    learner = Learner()
    for count in (111, 112, 113):
        learner.learn(first(count), first)
        assert first(112) not in learner
        learner.learn_ahead()

    assert first(112) in learner


def test_nothing_is_learned_ahead_of_data_that_were_not_known_before():
    learner = Learner()

    learner.learn(first(113), first)
    learner.learn_ahead()

    assert first(112) not in learner


def test_noise_that_is_unknown_of_the_newest_value_alone_is_unknown():
    learner = Learner()

    known = learner.learn(DATA, first)
    unknown = learner.learn(Data(DATA.points, DATA.values, DATA.group, None), first)

    assert known.noise == 0.0
    assert unknown.noise > 0.0
