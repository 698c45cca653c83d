import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.optimizer.surrogates import a_surrogate, some_rows

from nextpoint_service.domain.experiment import Metric, Strategy
from nextpoint_service.optimizer.dominance import dominance_count
from nextpoint_service.optimizer.drawing import Known, acquisition_of
from nextpoint_service.optimizer.outcomes import Outcome
from nextpoint_service.optimizer.priors import Guide

OTHER = Outcome("m1", Metric("z"), None)
CONSTRAINT = Outcome("m2", Metric("c", strategy=Strategy.CONSTRAINT, threshold=0.5), 0.5)


def acquisition(known, seed=0):
    return acquisition_of(known, Guide({}, 0.0), np.random.default_rng(seed))


@pytest.mark.parametrize("failing", [0, 6], ids=["no failures", "failures"])
@pytest.mark.parametrize("later", [False, True], ids=["of the database", "of this round"])
def test_under_noise_too_the_true_value_at_a_pending_point_counts_as_known(later, failing):
    rows = some_rows(30)
    noisy = np.sin(5 * rows[:20, 0]) + np.random.default_rng(0).normal(0.0, 1.0, 20)
    surrogate = a_surrogate(rows[:20], noisy).supposing_no_more(rows[24 : 24 + failing])
    pending = rows[20:24]
    known = Known((surrogate,), rows[:20], pending[:0] if later else pending)

    made = acquisition(known)
    if later:
        made = made.believing(pending)

    left = made.improvement.posterior.moments(pending).stddev
    assert (left < 0.1 * surrogate.posterior.moments(pending).stddev).all()


def two(rows, first, second, *, constraint=None, pending=()):
    """Return what is known of two objectives, and of a constraint, of values at the rows."""
    surrogates = [a_surrogate(rows, first), a_surrogate(rows, second, outcome=OTHER)]
    if constraint is not None:
        surrogates.append(a_surrogate(rows, constraint, outcome=CONSTRAINT))
    return Known(tuple(surrogates), rows, np.asarray(pending).reshape(-1, 2))


def test_what_noise_leaves_open_of_a_frontier_is_drawn():
    rows = some_rows(20)
    noise = 0.3 * np.random.default_rng(0).standard_normal((2, 20))

    exact = acquisition(two(rows, rows[:, 0], 1.0 - rows[:, 0])).improvement.known
    noisy = acquisition(two(rows, rows[:, 0] + noise[0], 1.0 - rows[:, 0] + noise[1]))

    assert exact.shape == (2, 20, 1)
    assert noisy.improvement.known.shape == (2, 20, 16)
    assert noisy.improvement.known.std(axis=2).min() > 0.0


def test_what_misses_a_constraint_is_not_on_the_frontier():
    rows = some_rows(20)
    satisfied = rows[:, 1] < 0.6

    known = acquisition(
        two(rows, rows[:, 0], rows[:, 1], constraint=np.where(satisfied, 1.0, 0.0))
    ).improvement.known[:, :, 0]

    assert (np.isfinite(known).all(axis=0) == satisfied).all()


def test_under_noise_what_may_be_the_best_satisfies_the_constraints():
    rows = some_rows(200)
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 200))
    satisfied = rows[:, 1] < 0.3

    known = acquisition(
        two(
            rows,
            rows[:, 0] + rows[:, 1] + noise[0],
            rows[:, 1] - rows[:, 0] + noise[1],
            constraint=np.where(satisfied, 1.0, 0.0),
        )
    ).improvement.known

    assert np.isfinite(known).all(axis=0).sum(axis=0).min() > 20


def test_under_noise_all_of_a_large_frontier_may_be_the_best():
    places = np.linspace(0.0, 1.0, 150)
    rows = np.column_stack([places, np.full(150, 0.5)])
    noise = 0.02 * np.random.default_rng(0).standard_normal((2, 150))
    made = two(rows, places + noise[0], 1.0 - places**2 + noise[1])

    known = acquisition(made).improvement.known.mean(axis=2)

    spread = made.surrogates[0].posterior.means_at(rows)[:, 0]
    gaps = np.diff(np.sort(known[0]), prepend=spread.min(), append=spread.max())
    assert known.shape == (2, 64)
    assert gaps.max() < 0.1 * np.ptp(spread)


def test_an_objective_counts_from_below_the_frontier_or_from_below_all():
    rows = some_rows(20)
    high = rows[:, 1] > 0.6
    first = np.where(high, 0.2 * rows[:, 0], -rows[:, 1])
    made = two(rows, first, np.where(high, 1.0 - rows[:, 0], -rows[:, 0]))

    references = {acquisition(made, seed).improvement.reference for seed in range(12)}

    expected = np.array([each.posterior.means_at(rows)[:, 0] for each in made.surrogates])
    wide, narrow = sorted(references)
    assert (np.array(wide) < expected.min(axis=1)).all()
    assert (np.array(narrow) > expected.min(axis=1)).all()
    frontier = expected[:, dominance_count(expected) == 0]
    assert (np.array(narrow) < frontier.min(axis=1)).all()


def test_an_objective_with_a_threshold_counts_from_there():
    rows = some_rows(20)
    made = two(rows, rows[:, 0], 1.0 - rows[:, 0])
    first = replace(made.surrogates[0], floor=0.7)
    first = replace(first, outcome=replace(first.outcome, floor=math.nan))

    reference = acquisition(
        replace(made, surrogates=(first, made.surrogates[1]))
    ).improvement.reference

    assert reference[0] == 0.7
    assert reference[1] != 0.7
