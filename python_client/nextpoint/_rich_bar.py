"""The progress bar, drawn by rich. The only import of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from nextpoint import _records


class RichBar:
    """A bar on standard error."""

    def __init__(self, name: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(name, total=None, note="")
        self._bar.start()

    def show(self, progress: _records.Progress) -> None:
        """Show this."""
        failed = progress.failed_observation_count
        self._bar.update(
            self._task,
            completed=progress.budget_consumed,
            total=progress.budget,
            note=f"{failed} failed" if failed else "",
        )

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()
