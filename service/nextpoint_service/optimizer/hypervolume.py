"""The exact volume of a union of boxes that share a corner.

While, Bradstreet and Barone (2012), "A fast way of calculating exact hypervolumes": each box adds
what the later ones, cut off at it, do not cover. In the order of one metric the cut-off boxes all
end there, so that each step has one metric less.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from time import monotonic

import numpy as np

from nextpoint_service.optimizer.arrays import Array
from nextpoint_service.optimizer.dominance import staircase


def hypervolume(gains: Sequence[tuple[float, ...]], *, until: float) -> float | None:
    """Return the volume of the union of the boxes from 0 to each of the gains, all at least 0.

    Returns None when it is not found by the time `until` on the monotonic clock.
    """
    if not gains:
        return 0.0
    boxes = np.array(gains, dtype=np.float64)
    # In parts of the largest, so that no product overflows on the way.
    largest = boxes.max(axis=0)
    if not np.isfinite(largest).all():
        return math.inf
    if not largest.all():
        return 0.0
    try:
        volume = _volume(_undominated(boxes / largest), until)
    except TimeoutError:
        return None
    try:
        return float(math.prod(Fraction(each) for each in (*largest.tolist(), volume)))
    except OverflowError:
        return math.inf


def _volume(boxes: Array, until: float) -> float:
    """Return the volume of undominated boxes, of at least two metrics."""
    if monotonic() > until:
        raise TimeoutError
    if len(boxes) == 1:
        return float(boxes.prod())
    if boxes.shape[1] == 2:
        return _area(boxes)
    ordered = boxes[boxes[:, -1].argsort()]
    volume = 0.0
    for index, box in enumerate(ordered):
        rest = np.minimum(ordered[index + 1 :, :-1], box[:-1])
        covered = _volume(_undominated(rest), until) if len(rest) else 0.0
        volume += float(box[-1]) * (float(box[:-1].prod()) - covered)
    return volume


def _area(boxes: Array) -> float:
    # Undominated: the wider, the lower.
    width, height = boxes[boxes[:, 0].argsort()].T
    return float((np.diff(width, prepend=0.0) * height).sum())


def _undominated(boxes: Array) -> Array:
    """Return the boxes that no other contains, each once."""
    if boxes.shape[1] == 2:
        return np.asarray(boxes[staircase(boxes)])
    # Whoever contains a box has a larger sum, and so comes before it.
    left = boxes[boxes.sum(axis=1).argsort()[::-1]]
    kept = []
    while len(left):
        first = left[0]
        kept.append(first)
        left = left[(left > first).any(axis=1)]
    return np.array(kept)
