"""The same client for asyncio.

    async with nextpoint.aio.Client("127.0.0.1:50051") as client:
        experiment = await client.get_experiment("exp_...")
        async for suggestion in experiment.suggestions():
            ...

Everything that `nextpoint` has for blocking code is here under the same name: methods are
coroutines, iterators are asynchronous. Make clients inside a running event loop. Values such as
`nextpoint.Double` and exceptions are shared.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nextpoint.aio._client import Client
from nextpoint.aio._experiment import Experiment
from nextpoint.aio._local import local_client
from nextpoint.aio._run import Run
from nextpoint.aio._suggestion import Suggestion

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator

__all__ = ["Client", "Experiment", "Run", "Suggestion", "local"]


@asynccontextmanager
async def local(path: str | os.PathLike[str] | None = None) -> AsyncIterator[Client]:
    """Run a service of your own in a child process, for the length of the block.

    As `nextpoint.local`, but nothing becomes a default: asyncio has no default client.
    """
    async with local_client(path) as client:
        yield client
