import numpy as np
from tests.unit.optimizer.surrogates import a_surrogate, some_rows

from nextpoint_service.optimizer.posterior import posterior


def waves(rows):
    return np.sin(5 * rows[:, 0]) + rows[:, 1]


def test_what_is_believed_of_pending_points_is_what_is_expected_and_nearly_certain():
    rows = some_rows(9)
    surrogate = a_surrogate(rows[:6], np.sin(5 * rows[:6, 0]))

    believed = surrogate.believing(rows[6:])

    before, after = (each.posterior.moments(rows[6:]) for each in (surrogate, believed))
    np.testing.assert_allclose(after.means, before.means, atol=1e-3)
    assert (after.stddev < 0.3 * before.stddev).all()


def test_what_is_believed_changes_how_certain_it_is_and_nothing_that_is_expected():
    rows = some_rows(40)
    surrogate = a_surrogate(rows[:20], waves(rows[:20]))

    believed = surrogate.believing(rows[20:24]).believing(rows[24:26])
    anew = posterior(believed.data, believed.hyperparameters)

    found, right = (each.moments(rows[26:]) for each in (believed.posterior, anew))
    np.testing.assert_allclose(found.means, right.means, atol=1e-6)
    np.testing.assert_allclose(found.stddev, right.stddev, atol=1e-6)
    before = surrogate.posterior.moments(rows[26:])
    np.testing.assert_allclose(found.means, before.means, atol=1e-6)
    assert (found.stddev < before.stddev).all()


def test_of_many_values_the_newest_few_change_what_is_expected_but_teach_no_hyperparameters():
    rows = some_rows(120)

    older, newer, newest = (
        a_surrogate(rows[:count], waves(rows[:count])) for count in (96, 112, 113)
    )

    assert len(newer.data.points) == 112
    lengthscales = [each.hyperparameters.kernel.lengthscales for each in (older, newer, newest)]
    assert (lengthscales[1] == lengthscales[0]).all()
    assert newer.hyperparameters.noise == older.hyperparameters.noise
    assert (lengthscales[2] != lengthscales[0]).all()
