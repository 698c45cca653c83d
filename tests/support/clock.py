"""A clock for tests: it stands until it is advanced."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Fills the port `Clock`."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)
