from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from nextpoint_service.optimizer.work_queue import Asked, WorkQueue


def asked(experiment_id):
    return Asked(experiment_id, lambda _: None, Future())


@pytest.fixture
def queue():
    made = WorkQueue()
    yield made
    made.close()


def taking(queue, process):
    """Have a process take work, and return when it waits for some."""
    taken = ThreadPoolExecutor(1).submit(queue.take, process)
    until = monotonic() + 10.0
    while process not in queue.idle:
        assert monotonic() < until
        sleep(0.001)
    return taken


def test_work_is_done_in_the_order_in_which_it_came(queue):
    works = [asked(experiment_id) for experiment_id in ("exp_1", "exp_2", "exp_1")]
    for each in works:
        queue.put(each)

    assert [queue.take(0) for _ in works] == works


def test_work_is_for_the_process_that_did_the_last_of_its_experiment(queue):
    queue.put(asked("exp_1"))
    queue.take(1)
    for _ in range(20):
        zero, one = taking(queue, 0), taking(queue, 1)

        queue.put(again := asked("exp_1"))

        assert one.result(10.0) is again
        assert not zero.done()
        queue.put(other := asked("exp_2"))
        assert zero.result(10.0) is other


def test_work_does_not_wait_for_a_process_that_has_other_work(queue):
    queue.put(asked("exp_1"))
    queue.take(1)

    queue.put(again := asked("exp_1"))

    assert queue.take(0) is again


def test_work_goes_elsewhere_when_its_process_takes_other_work(queue):
    queue.put(asked("exp_1"))
    queue.take(1)
    zero, one = taking(queue, 0), taking(queue, 1)

    first, second = asked("exp_1"), asked("exp_1")
    queue.put(first)
    queue.put(second)

    assert one.result(10.0) is first
    assert zero.result(10.0) is second


def test_a_closed_queue_ends_those_who_wait_and_returns_what_is_left(queue):
    zero = taking(queue, 0)

    assert queue.close() == []
    assert zero.result(10.0) is None
    queue.put(asked("exp_1"))
    assert queue.take(1) is None
    assert len(queue.close()) == 1
