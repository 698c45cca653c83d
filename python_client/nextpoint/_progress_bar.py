"""A progress bar where there is a terminal to show one and `rich` to draw it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from nextpoint.errors import NextpointError

if TYPE_CHECKING:
    from nextpoint._records import Progress


class ProgressBar(Protocol):
    """Shows how far an experiment has come."""

    def show(self, progress: Progress) -> None:
        """Show this."""

    def close(self) -> None:
        """Leave the last state on the screen."""


def progress_bar(name: str, *, wanted: bool | None) -> ProgressBar | None:
    """Return a bar, or None where none is wanted or possible.

    Args:
        name: What to write in front of it.
        wanted: None means if standard error is a terminal and ``rich`` is installed.

    Raises:
        NextpointError: It is wanted for sure, and ``rich`` is not installed.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        return None
    try:
        # Slow to import, and only needed here.
        from nextpoint._rich_bar import RichBar  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if wanted is None:
            return None
        raise NextpointError(
            "a progress bar needs rich: pip install 'nextpoint[progress]'", reason="NO_RICH"
        ) from error
    return RichBar(name)
