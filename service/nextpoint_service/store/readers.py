"""The threads that read the database."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from nextpoint_service.application.ports import Transaction
from nextpoint_service.domain.errors import Overloaded, ShuttingDown
from nextpoint_service.store.transaction import SqliteTransaction, run

T = TypeVar("T")


class Readers:
    """Runs each read in a transaction of its own, which sees one state of the database."""

    def __init__(self, connections: Sequence[sqlite3.Connection], *, waiting_limit: int) -> None:
        """Start a thread for each connection."""
        self._connections = connections
        self._waiting_limit = waiting_limit
        self._waiting = 0
        self._closed = False
        self._pool = ThreadPoolExecutor(len(connections), "nextpoint-reader")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for connection in connections:
            self._idle.put(connection)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run work on a reader's thread; raises Overloaded when too many reads wait."""
        if self._waiting >= self._waiting_limit:
            raise Overloaded(self._waiting_limit)
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._submit(work))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Take no more reads, end those that wait, and close the connections."""
        self._closed = True
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        try:
            return self._pool.submit(self._read, work)
        except RuntimeError as error:
            if self._closed:
                raise ShuttingDown from error
            raise

    def _read(self, work: Callable[[Transaction], T]) -> T:
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            return run(work, SqliteTransaction(connection))
        finally:
            connection.rollback()
            self._idle.put(connection)
