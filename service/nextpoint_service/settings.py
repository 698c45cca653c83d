"""Every setting of the service with its unit and default."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from nextpoint_service.domain.limits import Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """How one service runs; docs/operating.md lists the flags that set it."""

    address: str = "127.0.0.1:50051"
    """HOST:PORT to listen on; port 0 lets the system choose."""
    database: Path = Path("nextpoint.sqlite3")
    """The SQLite file that holds everything; made when it is not there."""
    insecure: bool = False
    """Whether to listen on an address that is not loopback, without credentials."""
    lease_seconds: float = 60.0
    """How long a worker keeps a suggestion without a sign of life."""
    heartbeat_seconds: float = 15.0
    """The longest silence on a stream."""
    drain_seconds: float = 10.0
    """How long calls under way may take once the service is told to stop."""
    sweep_seconds: float = 1.0
    """How often leases are looked at."""
    max_streams: int = 1000
    """Streams open at the same time."""
    message_bytes: int = 16 * 1024 * 1024
    """The largest message, either way."""
    waiting_calls: int = 10_000
    """Calls that wait for the writer, for a reader, for a point, or for an analysis; of each more
    are refused."""
    request_id_seconds: float = 24 * 3600.0
    """How long the outcome of a request id is remembered."""
    model_processes: int = field(default_factory=lambda: min(os.cpu_count() or 1, 4))
    """Processes that run models at the same time."""
    model_seconds: float = 30.0
    """How long one model may think before a space-filling point stands in."""
    model_memory_mb: int = 4096
    """How much memory a model process may take of its own, in MiB."""
    model_observations: int = 500
    """How many observations a model of Ax, and the importances, learn from at most."""
    engine_observations: int = 1000
    """The same for the models of our own, which serve up to two metrics to optimize."""
    model_batch: int = 4
    """Points that one round of a model makes at most, for calls that wait together or ahead."""
    model_large_batch: int = 16
    """The same where all of them together cost less than `model_large_batch_seconds`."""
    model_large_batch_seconds: float = 1.5
    """How long a round that makes more than `model_batch` points should take at most."""
    turn_seconds: float = 0.5
    """How long a call waits while models work for other experiments, before it gets a stale or a
    space-filling point."""
    idle_seconds: float = 600.0
    """How long after the last call for a suggestion points are still made ahead."""
    limits: Limits = field(default_factory=Limits)
    """How large things may be."""
