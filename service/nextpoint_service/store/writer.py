"""The one thread that changes the database."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from nextpoint_service.application.ports import Event, Transaction
from nextpoint_service.domain.errors import Overloaded, ShuttingDown
from nextpoint_service.store.errors import StoreError
from nextpoint_service.store.transaction import SqliteTransaction, run

T = TypeVar("T")


@dataclass(slots=True)
class _Change(Generic[T]):
    """Work that waits for the writer, and what became of it."""

    work: Callable[[Transaction], T]
    future: asyncio.Future[T]
    events: list[Event] = field(default_factory=list)
    settle: Callable[[], None] | None = None

    def succeed(self, result: T) -> None:
        self.settle = lambda: self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        self.events.clear()
        self.settle = lambda: self.future.set_exception(error)


class Writer:
    """Runs changes one after the other, and commits together those that came meanwhile.

    One commit, which is one fsync, acknowledges a whole group: the busier the service, the larger
    the groups. Each change has a savepoint, so that its failure undoes nothing but its own writes.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        waiting_limit: int,
        on_publish: Callable[[Event], None],
    ) -> None:
        """Start the thread; `on_publish` is called on the loop's thread."""
        self._connection = connection
        self._loop = loop
        self._waiting_limit = waiting_limit
        self._on_publish = on_publish
        self._condition = threading.Condition()
        self._waiting: list[_Change[object]] = []
        self._closed = False
        self._crash: BaseException | None = None
        # A daemon, because what it has not committed was not acknowledged either.
        self._thread = threading.Thread(target=self._run, name="nextpoint-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Hand in a change from the loop's thread; the future is done once it is committed."""
        change = _Change(work, self._loop.create_future())
        with self._condition:
            if self._crash is not None:
                raise StoreError("the writer has crashed; restart the service") from self._crash
            if self._closed:
                raise ShuttingDown
            if len(self._waiting) >= self._waiting_limit:
                raise Overloaded(self._waiting_limit)
            self._waiting.append(change)
            self._condition.notify()
        return change.future

    def close(self) -> None:
        """Take no more changes, commit those that wait, and end the thread."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        group: list[_Change[object]] = []
        try:
            while group := self._take():
                self._commit(group)
                self._deliver(group)
        except BaseException as error:
            with self._condition:
                self._crash = error
                group += self._waiting
            for change in group:
                change.fail(StoreError("the writer has crashed; restart the service"))
            self._deliver(group)
            raise

    def _take(self) -> list[_Change[object]]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closed)
            group, self._waiting = self._waiting, []
            return group

    def _commit(self, group: list[_Change[object]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change in group:
                self._attempt(change)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            self._connection.rollback()
            for change in group:
                failure = StoreError(f"the changes could not be committed: {error}")
                failure.__cause__ = error
                change.fail(failure)

    def _attempt(self, change: _Change[object]) -> None:
        self._connection.execute("SAVEPOINT change")
        try:
            result = run(change.work, SqliteTransaction(self._connection, change.events.append))
        except BaseException as error:
            if not self._connection.in_transaction:
                # A full disk, for one, undoes the whole transaction, with what others wrote in it.
                raise StoreError(str(error)) from error
            self._connection.execute("ROLLBACK TO change")
            change.fail(error)
        else:
            change.succeed(result)
        self._connection.execute("RELEASE change")

    def _deliver(self, group: list[_Change[object]]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, group)
        except RuntimeError:
            # The loop is closed, and with it went everyone who could be told.
            return

    def _settle(self, group: list[_Change[object]]) -> None:
        for change in group:
            if change.settle is not None and not change.future.done():
                change.settle()
            for event in change.events:
                # Called apart from each other, so that the failure of one loses no other.
                self._loop.call_soon(self._on_publish, event)
