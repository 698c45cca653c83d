import numpy as np
from scipy.stats import qmc

from nextpoint_service.optimizer.sobol import sobol


def test_a_part_of_the_sequence_is_the_same_wherever_one_begins():
    whole = sobol((5,), 0, 200, 7)

    assert (sobol((5,), 130, 70, 7) == whole[130:]).all()


def test_seeds_give_different_sequences():
    assert not np.isclose(sobol((5,), 0, 8, 3), sobol((6,), 0, 8, 3)).any()


def test_the_points_are_more_even_than_random_ones_and_as_even_as_scipys():
    ours = qmc.discrepancy(sobol((5,), 0, 256, 8))
    scipys = qmc.discrepancy(qmc.Sobol(8, rng=5).random(256))
    uniform = qmc.discrepancy(np.random.default_rng(5).random((256, 8)))

    assert ours < 0.3 * uniform
    assert ours < 1.5 * scipys
