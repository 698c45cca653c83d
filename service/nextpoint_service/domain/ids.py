"""Makes ids: opaque, sortable by creation, with a prefix that names the noun."""

import threading
from collections.abc import Callable
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


class IdMaker:
    """Makes ids in the form of ULIDs (https://github.com/ulid/spec), each above the one before.

    Safe to use from several threads.
    """

    def __init__(self, now: Callable[[], datetime], random_bits: Callable[[int], int]) -> None:
        self._now = now
        self._random_bits = random_bits
        self._last = 0
        self._lock = threading.Lock()

    def experiment(self) -> str:
        """Return the id of a new experiment."""
        return self._make("exp")

    def suggestion(self) -> str:
        """Return the id of a new suggestion."""
        return self._make("sug")

    def observation(self) -> str:
        """Return the id of a new observation."""
        return self._make("obs")

    def run(self) -> str:
        """Return the id of a new run."""
        return self._make("run")

    def worker(self) -> str:
        """Return a name for a worker that did not say one."""
        return self._make("wrk")

    def _make(self, prefix: str) -> str:
        milliseconds = int(self._now().timestamp() * 1000)
        with self._lock:
            number = (milliseconds << _RANDOM_BITS) | self._random_bits(_RANDOM_BITS)
            self._last = max(number, self._last + 1)
            number = self._last
        digits = (_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
        return f"{prefix}_{''.join(digits)}"
