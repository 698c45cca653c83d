"""Keeps the leases of connected workers alive and ends the others when their time is up."""

from collections.abc import Collection
from datetime import datetime, timedelta

from nextpoint_service.application.ports import Transaction
from nextpoint_service.application.suggestions import give_up
from nextpoint_service.domain.suggestion import Suggestion


def due_leases(
    tx: Transaction, connected: Collection[tuple[str, str]], now: datetime, lease: timedelta
) -> list[Suggestion]:
    """Return the leased suggestions that are to be renewed or have expired."""
    return [
        each
        for each in tx.suggestions.leases_ending(now + lease / 2)
        if _has_stream(each, connected) or each.expire(now) is not each
    ]


def sweep(
    tx: Transaction, connected: Collection[tuple[str, str]], now: datetime, lease: timedelta
) -> int:
    """Renew the leases of workers with a stream, end those that expired, return how many ended."""
    ended = 0
    for each in due_leases(tx, connected, now, lease):
        if _has_stream(each, connected):
            tx.suggestions.save(each.renew(each.attempt, now + lease))
        else:
            give_up(tx, each, each.expire(now))
            ended += 1
    return ended


def grant_grace(tx: Transaction, now: datetime, lease: timedelta) -> int:
    """Let every lease last from now, so that workers outlive a restart; return how many."""
    granted = tx.suggestions.leases_ending(now + lease)
    for each in granted:
        tx.suggestions.save(each.renew(each.attempt, now + lease))
    return len(granted)


def _has_stream(suggestion: Suggestion, connected: Collection[tuple[str, str]]) -> bool:
    lease = suggestion.lease
    return lease is not None and (suggestion.experiment_id, lease.worker_id) in connected
