"""Keeps a second process away from the database."""

import fcntl
import os
from pathlib import Path

from nextpoint_service.store.errors import DatabaseInUse


class FileLock:
    """A lock that the kernel gives up when the process dies, however it dies.

    It lies on a file of its own beside the database: SQLite puts locks on the database's file, and
    some systems let those meet ours. That file goes when the lock is given up; one that a killed
    process left behind is not locked and in nobody's way.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock, or raise DatabaseInUse."""
        self._path = database.with_name(f"{database.name}-lock")
        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._descriptor)
                raise DatabaseInUse(
                    f"'{database}' is in use by another Nextpoint; stop that one first"
                ) from error
            if self._is_current():
                return
            # Who held it deleted the file after we had opened it.
            os.close(self._descriptor)

    def release(self) -> None:
        """Give the lock up."""
        # Deleted while it is still locked: nobody else can have taken it.
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _is_current(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))
