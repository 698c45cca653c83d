"""Makes a change once per request id."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nextpoint_service.application.ports import Remembered, Transaction
from nextpoint_service.domain.errors import RequestIdReused


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes something: its method, the caller's id for it, a digest of the rest.

    Without an id it is made as often as it comes.
    """

    method: str
    request_id: str
    digest: bytes


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


def once(
    tx: Transaction, call: Call, at: datetime, change: Callable[[], tuple[str, ...]]
) -> tuple[str, ...]:
    """Make the change unless the call came before, and return the ids of what it is about."""
    result = earlier_result(tx, call)
    if result is None:
        result = change()
        remember(tx, call, result, at)
    return result
