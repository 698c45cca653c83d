"""The exact volume that points enclose with a reference point, all minimized."""

import numpy as np


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """Return the volume that is at least as large as a point and at most as the reference."""
    inside = points[(points < reference).all(axis=1)]
    return _volume(frontier(inside), reference)


def frontier(points: np.ndarray) -> np.ndarray:
    """Return the points that no other is better than in everything, each once."""
    unique = np.unique(points, axis=0)
    kept = [
        not ((unique <= each).all(axis=1) & (unique < each).any(axis=1)).any() for each in unique
    ]
    return np.asarray(unique[np.array(kept, dtype=bool)])


def _volume(points: np.ndarray, reference: np.ndarray) -> float:
    """Sweep along the last objective: between two of its values the rest is a smaller problem."""
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(reference[0] - points.min())
    points = points[points[:, -1].argsort()]
    heights = np.append(points[:, -1], reference[-1])
    total = 0.0
    for index in range(len(points)):
        height = heights[index + 1] - heights[index]
        if height > 0.0:
            total += height * _volume(frontier(points[: index + 1, :-1]), reference[:-1])
    return float(total)
