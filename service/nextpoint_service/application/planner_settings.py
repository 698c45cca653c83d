"""How much the planner may do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """The limits of the planner."""

    turns: int
    """How many models run at the same time."""
    turn_seconds: float
    """How long a call waits for the turn of its experiment, unless it says that it waits longer."""
    loading_seconds: float
    """How much longer it waits while models load, when no experiment has a turn."""
    batch: int
    """Points that one round of a model makes at most, whatever they cost."""
    large_batch: int
    """The same where they are cheap."""
    large_batch_seconds: float
    """How long a round that makes more than `batch` points may be expected to take."""
    idle_seconds: float
    """How long after the last call points are still made ahead."""
    waiting_limit: int
    """How many calls wait at the same time."""
