"""What the service does by itself, again and again."""

from collections.abc import Collection
from datetime import timedelta

from nextpoint_service.application.context import Context
from nextpoint_service.application.leases import due_leases, grant_grace, sweep
from nextpoint_service.application.planner import Planner


class Housekeeping:
    """Renews and ends leases, forgets old request ids and idle experiments."""

    def __init__(self, context: Context, planner: Planner, request_id_age: timedelta) -> None:
        self._context = context
        self._planner = planner
        self._request_id_age = request_id_age

    async def begin(self) -> int:
        """Let every lease last from now, since nobody could renew it; return how many there are."""
        context = self._context
        now = context.now()
        return await context.database.transact(lambda tx: grant_grace(tx, now, context.lease))

    async def sweep(self, connected: Collection[tuple[str, str]]) -> int:
        """Renew the leases of connected workers and end those of lost ones; return how many."""
        context = self._context
        now = context.now()
        # Mostly there is nothing to do, and a look costs no place in the writer's queue.
        if not await context.database.read(
            lambda tx: due_leases(tx, connected, now, context.lease)
        ):
            return 0
        return await context.database.transact(lambda tx: sweep(tx, connected, now, context.lease))

    async def forget(self) -> None:
        """Forget request ids that are too old to be repeated, and idle experiments."""
        self._planner.forget_idle()
        before = self._context.now() - self._request_id_age
        await self._context.database.transact(lambda tx: tx.requests.forget(before))
