"""How long calls wait for a fresh point, and how many points are made ahead of them."""

import pytest

from nextpoint_service.application.pace import Pace

EVALUATION = 100.0


def pace_of(workers, *, model, points=1, max_wait=None):
    """Return the pace of workers that are handed points one after the other, in equal steps."""
    pace = Pace(evaluation_seconds=EVALUATION)
    for number in range(3 * workers + 1):
        pace.asked(number * EVALUATION / workers, max_wait)
        pace.handed_out(number * EVALUATION / workers)
    pace.took(model, points)
    return pace


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_workers_are_counted_by_what_they_are_handed(workers):
    assert pace_of(workers, model=1).workers == pytest.approx(workers)


def test_workers_that_wait_for_their_point_are_counted_as_well():
    pace = Pace(evaluation_seconds=EVALUATION)
    for number in range(21):
        pace.handed_out(number * EVALUATION, waited=9 * EVALUATION)

    assert pace.workers == pytest.approx(10)


def test_workers_that_ask_together_are_counted_before_time_goes_by():
    pace = Pace(evaluation_seconds=EVALUATION)
    for _ in range(4):
        pace.handed_out(0.0)

    assert pace.workers == 3


@pytest.mark.parametrize("workers", [1, 4])
def test_a_call_without_a_max_wait_waits_a_tenth_of_an_evaluation(workers):
    assert pace_of(workers, model=1).patience(None) == pytest.approx(10.0)


def test_a_call_with_a_max_wait_waits_as_long_as_it_says():
    assert pace_of(4, model=1).patience(30.0) == 30.0


@pytest.mark.parametrize(
    ("workers", "model", "points", "max_wait", "ahead"),
    [
        pytest.param(1, 9, 1, None, 0, id="quick"),
        pytest.param(1, 9, 1, 0.0, 1, id="quick, for who does not wait"),
        pytest.param(1, 9.8, 1, None, 0, id="quick, for one who waits for no round of others"),
        pytest.param(1, 30, 1, None, 1, id="slow"),
        pytest.param(1, 30, 1, 60.0, 0, id="slow, for who waits"),
        pytest.param(1, 100, 1, 0.0, 0, id="slower than evaluations"),
        pytest.param(2, 9, 1, None, 0, id="quick, for two workers"),
        pytest.param(2, 12, 1, None, 1, id="slow, for two workers"),
        pytest.param(16, 6, 1, None, 0, id="quick, for many workers"),
        pytest.param(16, 7, 2, None, 2, id="quick, but busy with the rounds of others"),
        pytest.param(40, 6, 8, None, 0, id="quick, with a round always under way"),
        pytest.param(10, 25, 5, None, 3, id="ten workers"),
        pytest.param(10, 25, 2, None, 0, id="more workers than the models can serve"),
    ],
)
def test_points_are_made_ahead_where_no_call_waits_and_models_keep_up(
    workers, model, points, max_wait, ahead
):
    assert pace_of(workers, model=model, points=points, max_wait=max_wait).ahead == ahead


def test_as_many_are_made_ahead_as_the_most_that_were_handed_out_in_one_round():
    pace = Pace(evaluation_seconds=EVALUATION)
    for seconds in (0, 1, 2, 3, 50, 51, 100):
        pace.asked(seconds, 0.0)
        pace.handed_out(seconds)
    pace.took(4.0, 1)

    assert pace.ahead == 4


def test_workers_that_have_left_are_forgotten():
    pace = Pace(evaluation_seconds=EVALUATION)
    for _ in range(32):
        pace.asked(0.0, 0.0)
        pace.handed_out(0.0)
    pace.took(3.0, 1)
    assert pace.ahead == 32

    for number in range(1, 6):
        pace.asked(number * EVALUATION, 0.0)
        pace.handed_out(number * EVALUATION)

    assert pace.workers == 1
    assert pace.ahead == 1


def test_waits_of_before_are_forgotten_as_well():
    pace = Pace(evaluation_seconds=EVALUATION)
    for _ in range(8):
        pace.handed_out(0.0, waited=10 * EVALUATION)

    for number in range(1, 7):
        pace.handed_out(number * EVALUATION)

    assert pace.workers == pytest.approx(1)


def test_nothing_is_made_ahead_before_it_is_known_how_long_evaluations_take():
    pace = Pace()
    pace.took(1.0, 1)

    assert pace.ahead == 0


def test_the_wait_before_the_first_that_counts_does_not_count():
    pace = Pace(evaluation_seconds=EVALUATION)
    pace.handed_out(0.0, waited=10 * EVALUATION)

    pace.handed_out(EVALUATION)

    assert pace.workers == 1


def test_an_impatient_call_counts_however_many_others_ask_after_it():
    pace = Pace(evaluation_seconds=EVALUATION)
    pace.took(9.0, 1)
    pace.asked(0.0, 0.0)
    for number in range(1000):
        pace.asked(number * 3.9 * EVALUATION / 1000, 60.0)

    assert pace.ahead == 1


def test_points_are_made_ahead_as_long_as_the_least_patient_of_late_asks_for_them():
    pace = Pace(evaluation_seconds=EVALUATION)
    pace.took(9.0, 1)
    pace.asked(0.0, 0.0)
    pace.asked(1.0, 60.0)
    assert pace.ahead == 1

    for number in range(1, 6):
        pace.asked(number * EVALUATION, 60.0)

    assert pace.ahead == 0


def test_workers_that_begin_after_a_pause_are_counted():
    pace = Pace(evaluation_seconds=EVALUATION)
    pace.handed_out(0.0)

    for number in range(33):
        pace.handed_out(1000 * EVALUATION + number * EVALUATION / 16)

    assert pace.workers == pytest.approx(16)


def test_workers_that_began_before_it_was_known_how_long_evaluations_take_are_counted():
    pace = Pace()
    for number in range(17):
        pace.handed_out(number * EVALUATION / 16, waited=0.001)

    pace.evaluation_seconds = EVALUATION

    assert pace.workers == pytest.approx(16, rel=1e-3)
