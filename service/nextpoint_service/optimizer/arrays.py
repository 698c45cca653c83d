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


def log_sum(total: Array) -> Array:
    """Return the logarithm of the sum, along the last axis, of what these are the logarithms of."""
    peak = total.max(axis=-1)
    return np.asarray(peak + np.log(np.exp(total - peak[..., None]).sum(axis=-1)))
