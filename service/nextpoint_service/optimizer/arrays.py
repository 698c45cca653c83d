"""Arrays of real numbers, and how functions of their rows are computed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_PIECE = 256
"""Rows that are looked at in one go; more do not fit into the cache."""


def in_pieces(function: Callable[[Array], Array], rows: Array) -> Array:
    """Return what the function returns, a number for each row, computed for some at a time."""
    pieces = [function(rows[first : first + _PIECE]) for first in range(0, len(rows), _PIECE)]
    return np.concatenate(pieces) if pieces else np.empty(0)


def beaten(values: Array) -> NDArray[np.int64]:
    """Return for each column how many others are larger in every row."""
    return np.asarray((values[:, :, None] < values[:, None, :]).all(axis=0).sum(axis=1))
