import numpy as np

from nextpoint_service.optimizer.dominance import dominance_count, least_dominated_first


def test_whoever_is_no_better_in_anything_and_worse_in_something_is_dominated():
    values = np.array([[3.0, 3.0, 2.0, 1.0, 3.0], [1.0, 1.0, 2.0, 2.0, 0.0]])

    assert dominance_count(values).tolist() == [0, 0, 0, 1, 2]


def test_of_one_objective_the_largest_come_first_and_of_equals_the_earliest():
    assert least_dominated_first(np.array([[1.0, 3.0, 3.0, 2.0]])).tolist() == [1, 2, 3, 0]


def test_of_two_objectives_equals_come_in_an_order_of_chance_that_is_always_the_same():
    places = np.linspace(0.0, 1.0, 100)
    frontier = np.array([places, 1.0 - places])
    behind = frontier - 2.0

    order = least_dominated_first(np.hstack([behind, frontier]))

    assert sorted(order[:100]) == [*range(100, 200)]
    first = places[order[:20] - 100]
    assert np.ptp(first) > 0.7
    assert order.tolist() == least_dominated_first(np.hstack([behind, frontier])).tolist()
