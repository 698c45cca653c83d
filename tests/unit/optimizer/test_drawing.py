import numpy as np
import pytest
from tests.unit.optimizer.surrogates import a_surrogate, some_rows

from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.priors import Guide


@pytest.mark.parametrize("later", [False, True], ids=["of the database", "of this round"])
def test_under_noise_too_the_true_value_at_a_pending_point_counts_as_known(later):
    rows = some_rows(24)
    noisy = np.sin(5 * rows[:20, 0]) + np.random.default_rng(0).normal(0.0, 1.0, 20)
    surrogate = a_surrogate(rows[:20], noisy)
    pending = rows[20:] if not later else rows[:0]
    known = Known((surrogate,), rows[:20], pending)

    acquisition = acquisition_of(known, Guide({}, 0.0), np.random.default_rng(0))
    if later:
        acquisition = acquisition.believing(rows[20:])

    left = acquisition.improvement.posterior.moments(rows[20:]).stddev
    assert (left < 0.1 * surrogate.posterior.moments(rows[20:]).stddev).all()
