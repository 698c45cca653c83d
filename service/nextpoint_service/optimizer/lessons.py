"""What values teach about the hyperparameters of their model, learned ahead and remembered.

Learning from many values takes longer than making a point. It is done for so many new values at a
time, after the call that knows the last of them, and used from the call after that, which learns it
itself where there was no such call. What is remembered changes how long a point takes, and never
the point.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import blake2b

import numpy as np

from nextpoint_service.optimizer.fit import Data, Hyperparameters, fit

_FEW = 96
"""Of up to so many values all teach, at once."""
_MANY = 256
"""So many teach, where there are more."""
_BEST_SHARE = 4
_STRIDE = 16
_REMEMBERED = 2000
"""Of so many data it is remembered what they taught."""
_MOST_AHEAD = 100
"""So many data at most, those of the outcomes of one experiment, are learned from ahead."""


def taught_by(count: int) -> int:
    """Return how many of so many values teach."""
    return count if count <= _FEW else max((count - 1) // _STRIDE * _STRIDE, _FEW)


class Learner:
    """Learns, and remembers what was learned from the same data."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._found: OrderedDict[bytes, Hyperparameters] = OrderedDict()
        self._ahead: deque[Data] = deque(maxlen=_MOST_AHEAD)

    def __contains__(self, data: Data) -> bool:
        return _digest(data) in self._found

    def learn(self, data: Data, first: Callable[[int], Data]) -> Hyperparameters:
        """Return what data teach, of which `first` gives the first so many.

        Equal data teach the same, whatever was learned before.
        """
        count = len(data.values)
        taught = taught_by(count)
        known = first(taught) if taught < count else data
        if (known.noise is None) != (data.noise is None):
            return self._learned(data)
        # To learn ahead is for data that grow at their end: others are not asked for again.
        if taught < count == taught_by(count + 1) and known in self:
            self._ahead.append(data)
        return self._learned(known)

    def learn_ahead(self) -> None:
        """Learn what is due, which need not be waited for."""
        while self._ahead:
            self._learned(self._ahead.popleft())

    def _learned(self, data: Data) -> Hyperparameters:
        digest = _digest(data)
        found = self._found.pop(digest, None) or _fit(data)
        self._found[digest] = found
        if len(self._found) > self._remembered:
            self._found.popitem(last=False)
        return found


LEARNER = Learner()
"""That of this process."""


def _fit(data: Data) -> Hyperparameters:
    few = fit(_subset(data, _FEW))
    if len(data.values) <= _FEW:
        return few
    # From few points first, and from there on from more: the best, and some of the rest.
    return fit(_subset(data, _MANY), few)


def _digest(data: Data) -> bytes:
    digest = blake2b(digest_size=16)
    for each in (data.points, data.values, data.group, data.noise):
        part = b"" if each is None else each.tobytes()
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _subset(data: Data, count: int) -> Data:
    if count >= len(data.points):
        return data
    order = np.argsort(-data.values, kind="stable")
    best, rest = order[: count // _BEST_SHARE], order[count // _BEST_SHARE :]
    random = np.random.default_rng(len(order))
    kept = np.sort(np.concatenate([best, random.permutation(rest)[: count - len(best)]]))
    noise = None if data.noise is None else data.noise[kept]
    return Data(data.points[kept], data.values[kept], data.group, noise)
