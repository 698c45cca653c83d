# Generated from nextpoint/aio/_local.py by scripts/generate_sync; change that instead.
"""A service of one's own for the length of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nextpoint._local_service import LocalService
from nextpoint._sync._client import Client
from nextpoint._sync._concurrency import in_thread

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


@contextmanager
def local_client(path: str | os.PathLike[str] | None) -> Iterator[Client]:
    """Start a service, yield a client of it, and end both."""
    service = LocalService(path)
    try:
        address = in_thread(service.start)
        with Client(address) as client:
            yield client
    finally:
        in_thread(service.stop)
