"""How long to wait before trying again, and when to stop trying."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nextpoint.errors import NextpointError

FIRST_DELAY_SECONDS = 0.2
MAX_DELAY_SECONDS = 10.0

# For how long a worker that worked waits for its service to come back.
PATIENCE_SECONDS = 300.0


class Backoff:
    """Delays that grow, with jitter, so that workers do not come back all at once.

    Patience is counted from the first failure after an answer.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._random = random.SystemRandom()
        self._patience_seconds = patience_seconds
        self.reset()

    def reset(self) -> None:
        """Start anew, because the service answered."""
        self._delay = FIRST_DELAY_SECONDS
        self._give_up_at: float | None = None

    def delay_after(self, error: NextpointError) -> float:
        """Return how many seconds to wait, or raise the error when there was enough of that."""
        now = time.monotonic()
        if self._give_up_at is None:
            self._give_up_at = now + self._patience_seconds
        if now > self._give_up_at:
            raise error
        delay = self._random.uniform(0, self._delay)
        self._delay = min(self._delay * 2, MAX_DELAY_SECONDS)
        return max(delay, error.retry_after or 0.0)
