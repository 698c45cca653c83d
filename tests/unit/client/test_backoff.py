import pytest

from nextpoint._backoff import MAX_DELAY_SECONDS, Backoff
from nextpoint.errors import UnavailableError

AWAY = UnavailableError("away", reason="SHUTTING_DOWN")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("nextpoint._backoff.time.monotonic", lambda: now[0])
    return now


def test_patience_is_counted_from_the_first_failure_after_an_answer(clock):
    backoff = Backoff(60)
    clock[0] += 3600
    backoff.delay_after(AWAY)
    clock[0] += 60
    backoff.delay_after(AWAY)

    clock[0] += 1
    with pytest.raises(UnavailableError):
        backoff.delay_after(AWAY)

    backoff.reset()
    clock[0] += 3600
    backoff.delay_after(AWAY)


@pytest.mark.usefixtures("clock")
def test_delays_grow_to_a_limit_and_differ():
    backoff = Backoff(60)

    delays = [backoff.delay_after(AWAY) for _ in range(200)]

    assert max(delays[:2]) <= 0.4
    assert 0.5 * MAX_DELAY_SECONDS < max(delays) <= MAX_DELAY_SECONDS
    assert len(set(delays)) == len(delays)


@pytest.mark.usefixtures("clock")
def test_a_delay_that_the_service_asks_for_is_the_least():
    error = UnavailableError("away", reason="SHUTTING_DOWN", retry_after=30.0)

    assert Backoff(60).delay_after(error) == 30.0
