"""The table of requests that were made."""

import sqlite3
from datetime import datetime

from nextpoint_service.application.ports import Remembered
from nextpoint_service.store.values import from_json, to_json, to_micros

_FIND = "SELECT method, digest, result FROM requests WHERE id = :id"

_REMEMBER = """
INSERT INTO requests (id, method, digest, result, created)
VALUES (:id, :method, :digest, :result, :created)
"""

_FORGET = "DELETE FROM requests WHERE created < :before"


class RequestTable:
    """Fills the port `Requests`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, request_id: str) -> Remembered | None:
        """Return what became of the request; None when it is not known."""
        row = self._connection.execute(_FIND, {"id": request_id}).fetchone()
        if row is None:
            return None
        method, digest, result = row
        return Remembered(method, digest, tuple(from_json(result)))

    def remember(self, request_id: str, remembered: Remembered, at: datetime) -> None:
        """Insert what became of a request."""
        self._connection.execute(
            _REMEMBER,
            {
                "id": request_id,
                "method": remembered.method,
                "digest": remembered.digest,
                "result": to_json(remembered.result),
                "created": to_micros(at),
            },
        )

    def forget(self, before: datetime) -> None:
        """Delete what was remembered before this time."""
        self._connection.execute(_FORGET, {"before": to_micros(before)})
