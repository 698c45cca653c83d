"""A service of one's own for the length of a block."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nextpoint._local_service import LocalService
from nextpoint.aio._client import Client
from nextpoint.aio._concurrency import in_thread

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator


@asynccontextmanager
async def local_client(path: str | os.PathLike[str] | None) -> AsyncIterator[Client]:
    """Start a service, yield a client of it, and end both."""
    service = LocalService(path)
    try:
        address = await in_thread(service.start)
        async with Client(address) as client:
            yield client
    finally:
        await in_thread(service.stop)
