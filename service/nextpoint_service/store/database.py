"""The database: one SQLite file, one thread that writes and a few that read."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from nextpoint_service.application.ports import Event, Transaction
from nextpoint_service.store.connections import connect_reader, connect_writer
from nextpoint_service.store.errors import CannotOpen
from nextpoint_service.store.lock import FileLock
from nextpoint_service.store.readers import Readers
from nextpoint_service.store.writer import Writer

T = TypeVar("T")


class SqliteDatabase:
    """Fills the port `Database` with a file.

    A change waits for the one writer and is durable when `transact` returns. A read has a
    connection of its own, waits for no writer, and sees all that was acknowledged before it.
    """

    def __init__(self, writer: Writer, readers: Readers, resources: ExitStack) -> None:
        """Take what `open` has opened."""
        self._writer = writer
        self._readers = readers
        self._resources = resources

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        readers: int = 2,
        waiting_limit: int = 10_000,
        on_publish: Callable[[Event], None],
    ) -> "SqliteDatabase":
        """Open the file, make it if it is not there, and bring it to the newest version.

        Raises CannotOpen; a file that is refused stays as it was. `on_publish` is called on the
        thread of the loop that runs now, with each event whose transaction is committed.
        """
        loop = asyncio.get_running_loop()

        def opened() -> SqliteDatabase:
            with ExitStack() as stack:
                lock = _lock(path.resolve())
                stack.callback(lock.release)
                connection = stack.enter_context(closing(connect_writer(path)))
                reading = Readers(
                    [connect_reader(path) for _ in range(readers)], waiting_limit=waiting_limit
                )
                stack.callback(reading.close)
                writer = Writer(
                    connection, loop, waiting_limit=waiting_limit, on_publish=on_publish
                )
                stack.callback(writer.close)
                resources = stack.pop_all()
            return cls(writer, reading, resources)

        return await asyncio.to_thread(opened)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run work in a transaction that commits durably before this returns.

        When the caller is cancelled, work may be done all the same.
        """
        return await self._writer.submit(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run work on one unchanging state of the database, without waiting for the writer."""
        return await self._readers.read(work)

    async def close(self) -> None:
        """Finish what waits, take nothing more, and close the file."""
        await asyncio.to_thread(self._resources.close)


def _lock(path: Path) -> FileLock:
    try:
        return FileLock(path)
    except OSError as error:
        raise CannotOpen(f"'{path}' cannot be opened: {error.strerror}") from error
