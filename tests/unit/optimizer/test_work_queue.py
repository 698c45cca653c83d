from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from nextpoint_service.optimizer.work_queue import Asked, WorkQueue, first_for


def asked(experiment_id):
    return Asked(experiment_id, lambda _: None, Future())


WORKS = [asked("exp_0"), asked("exp_1"), asked("exp_2")]


@pytest.mark.parametrize(
    ("idle", "last", "first"),
    [
        pytest.param({0, 1}, {}, 0, id="the oldest"),
        pytest.param({0, 1}, {"exp_0": 1}, 1, id="another one is for a process that is idle"),
        pytest.param({0}, {"exp_0": 1}, 0, id="one that is for a busy process"),
        pytest.param({0, 1}, {"exp_0": 0}, 0, id="its own"),
        pytest.param({0, 1}, {f"exp_{each}": 1 for each in range(3)}, None, id="none"),
    ],
)
def test_a_process_does_the_oldest_work_that_no_other_idle_one_should_do(idle, last, first):
    found = first_for(0, WORKS, idle=idle, last=last)

    assert found is (None if first is None else WORKS[first])


def test_all_work_is_handed_out_once_whoever_takes_it():
    queue = WorkQueue()
    works = [asked(f"exp_{number % 7}") for number in range(500)]

    def take_all(number):
        while (taken := queue.take(number)) is not None:
            # A second time would be an error.
            taken.future.set_result(number)

    with ThreadPoolExecutor(4) as executor:
        taking = [executor.submit(take_all, number) for number in range(4)]
        try:
            for each in works:
                queue.put(each)
            for each in works:
                each.future.result(10.0)
        finally:
            left = queue.close()

    assert left == []
    assert [each.result() for each in taking] == [None] * 4


def test_a_closed_queue_returns_what_is_left_and_ends_those_who_come():
    queue = WorkQueue()
    queue.put(WORKS[0])

    assert queue.close() == [WORKS[0]]
    assert queue.take(0) is None
