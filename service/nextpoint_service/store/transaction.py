"""A transaction: the tables as one function sees them."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from nextpoint_service.application.ports import Event, Transaction
from nextpoint_service.store.errors import StoreError
from nextpoint_service.store.experiments import ExperimentTable
from nextpoint_service.store.observations import ObservationTable
from nextpoint_service.store.requests import RequestTable
from nextpoint_service.store.runs import RunTable
from nextpoint_service.store.suggestions import SuggestionTable

T = TypeVar("T")


class SqliteTransaction:
    """Fills the port `Transaction` with a connection on which a transaction has begun."""

    def __init__(
        self, connection: sqlite3.Connection, publish: Callable[[Event], None] | None = None
    ) -> None:
        """Without `publish` it is a read."""
        self.experiments = ExperimentTable(connection)
        self.suggestions = SuggestionTable(connection)
        self.observations = ObservationTable(connection)
        self.runs = RunTable(connection)
        self.requests = RequestTable(connection)
        self._publish = publish

    def publish(self, event: Event) -> None:
        """Announce the event once the transaction is committed."""
        if self._publish is None:
            raise StoreError("a read changes nothing and has nothing to announce")
        self._publish(event)


def run(work: Callable[[Transaction], T], transaction: SqliteTransaction) -> T:
    """Run work; what SQLite raises in it becomes a StoreError."""
    try:
        return work(transaction)
    except sqlite3.Error as error:
        raise StoreError(f"{type(error).__name__}: {error}") from error
    except StopIteration as error:
        # A future refuses to carry this one, and its caller would wait for ever.
        raise RuntimeError("the work ended with StopIteration") from error
