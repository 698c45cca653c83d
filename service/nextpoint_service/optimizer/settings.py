"""How much the models may use."""

from dataclasses import dataclass

_GRACE_SECONDS = 5.0
"""How long after its time box a model that does not look at the time is left alone."""


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """Limits of the model processes."""

    processes: int = 1
    """How many models are computed at the same time, each in a process of its own."""
    time_box_seconds: float = 30.0
    """How long a model may take before a space-filling point stands in for it."""
    memory_bytes: int = 4 * 2**30
    """How much data a model process may hold."""
    model_observations: int = 500
    """How many observations a model of Ax, and the importances, learn from at most.

    Its cost grows with the third power of these; a thousand take ten seconds.
    """
    engine_observations: int = 1000
    """The same for the models of our own, of which a thousand take half a second for a metric."""

    @property
    def give_up_seconds(self) -> float:
        """How long whoever asks for a model waits at most, for a process as well."""
        return self.time_box_seconds + _GRACE_SECONDS
