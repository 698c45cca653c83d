"""Marks what a caller left out of a change."""

from enum import Enum


class Unsaid(Enum):
    """The type of `UNSAID`, where None means something."""

    UNSAID = "unsaid"


UNSAID = Unsaid.UNSAID
