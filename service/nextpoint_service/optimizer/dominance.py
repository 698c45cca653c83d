"""Which places dominate which: in no objective worse, and better in one; more is better."""

import numpy as np
from numpy.typing import NDArray

from nextpoint_service.optimizer.arrays import Array


def dominance_count(values: Array) -> NDArray[np.int64]:
    """Return for each column, of a value for each objective, how many others dominate it."""
    as_good = (values[:, :, None] <= values[:, None, :]).all(axis=0)
    better = (values[:, :, None] < values[:, None, :]).any(axis=0)
    return np.asarray((as_good & better).sum(axis=1))


def least_dominated_first(values: Array) -> NDArray[np.int64]:
    """Return the columns in the order of what dominates them.

    Of several objectives many are equal in that: which of them comes first is left to chance, the
    same each time, for the oldest would be those of one end of the frontier.
    """
    count = values.shape[1]
    order = np.arange(count)
    if len(values) > 1:
        order = np.random.default_rng(count).permutation(count)
    return np.asarray(order[np.argsort(dominance_count(values)[order], kind="stable")])


def staircase(values: Array) -> NDArray[np.int64]:
    """Return the indexes of the rows, of two objectives each, that no other dominates.

    Of equals it is one; the best in the first objective comes first.
    """
    order = np.lexsort((values[:, 1], values[:, 0]))[::-1]
    highest = np.maximum.accumulate(values[order, 1])
    rises = np.append(True, highest[1:] > highest[:-1])
    return np.asarray(order[rises])
