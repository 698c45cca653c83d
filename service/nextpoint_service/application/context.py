"""What every use case is given."""

from dataclasses import dataclass
from datetime import timedelta

from nextpoint_service.application.optimizer_port import Optimizer
from nextpoint_service.application.ports import Clock, Database
from nextpoint_service.domain.ids import IdMaker
from nextpoint_service.domain.limits import Limits


@dataclass(frozen=True, slots=True)
class Context:
    """The outside world of the use cases, and the limits of what callers may do."""

    database: Database
    optimizer: Optimizer
    now: Clock
    ids: IdMaker
    limits: Limits
    lease: timedelta
    """How long a lease lasts when the caller does not say."""
