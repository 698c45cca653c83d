"""Opens the file."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nextpoint_service.store.errors import CannotOpen, ForeignDatabase

OLDEST_SQLITE = (3, 37, 0)
"""The first version with STRICT tables."""

BUSY_SECONDS = 5.0
"""How long to wait for another program, a backup for example, that has locked the file."""

WAL_BYTES_KEPT = 64 * 1024 * 1024
"""To what size the write-ahead log is cut back after it had to grow."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the file to write to it, and bring it to the newest version, or raise CannotOpen."""
    # Imported here, because it takes a while, which `nextpoint --help` need not wait.
    with _without_pandas():
        from nextpoint_service.store.migrations import migrate  # noqa: PLC0415

    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise CannotOpen(f"SQLite {sqlite3.sqlite_version} is too old; 3.37 or newer is needed")
    connection = _connect(path)
    try:
        migrate(connection, path)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    except sqlite3.Error as error:
        connection.close()
        raise _explained(path, error) from error
    except CannotOpen:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the file, which a writer has opened before, to read only."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _without_pandas() -> Iterator[None]:
    """Let imports inside believe that pandas is not installed.

    sqlite-utils imports pandas wherever it finds it, which takes a second of every start and serves
    nothing here. A module of None is what Python itself calls one that cannot be imported:
    https://docs.python.org/3/reference/import.html#the-module-cache
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment] # what the type does not say
    try:
        yield
    finally:
        del sys.modules["pandas"]


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # Each connection is used by one thread at a time, but closed by another.
        return sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: sqlite3.Error) -> CannotOpen:
    match error.sqlite_errorcode & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return ForeignDatabase(f"'{path}' is not a database; choose another file")
        case sqlite3.SQLITE_BUSY:
            return CannotOpen(f"'{path}' is locked by another program; close that one")
        case _:
            return CannotOpen(f"'{path}' cannot be opened: {error}")
