"""Makes a change once per request id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from nextpoint_service.application.ports import Database, Remembered, Transaction
from nextpoint_service.domain.errors import RequestIdReused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes something: its method, the caller's id for it, a digest of the rest.

    Without an id it is made as often as it comes.
    """

    method: str
    request_id: str
    digest: bytes


NOT_REPEATED = Call("", "", b"")
"""A call without an id, which is made as often as it comes."""


def earlier_result(tx: Transaction, call: Call) -> tuple[str, ...] | None:
    """Return the ids that this call returned when it came before; None when it is new."""
    if not call.request_id:
        return None
    remembered = tx.requests.find(call.request_id)
    if remembered is None:
        return None
    if (remembered.method, remembered.digest) != (call.method, call.digest):
        raise RequestIdReused(call.request_id)
    return remembered.result


def remember(tx: Transaction, call: Call, result: tuple[str, ...], at: datetime) -> None:
    """Keep the ids that the call returns."""
    if call.request_id:
        tx.requests.remember(call.request_id, Remembered(call.method, call.digest, result), at)


async def change_once(
    database: Database,
    call: Call,
    at: datetime,
    change: Callable[[Transaction], tuple[str, ...]],
    answer: Callable[[Transaction, tuple[str, ...]], T],
) -> T:
    """Make the change, unless the call came before, and answer from what it is about.

    `change` returns the ids of that; a repeated call is answered from the ids of the first.
    """

    def run(tx: Transaction) -> T:
        result = earlier_result(tx, call)
        if result is None:
            result = change(tx)
            remember(tx, call, result, at)
        return answer(tx, result)

    return await database.transact(run)
