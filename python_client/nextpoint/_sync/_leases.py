# Generated from nextpoint/aio/_leases.py by scripts/generate_sync; change that instead.
"""Renews, beside everything else, the leases of what the user holds."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from nextpoint._convert import duration_to_proto
from nextpoint._sync._concurrency import Background, Signal
from nextpoint.errors import NextpointError
from nextpoint.v1 import suggestion_service_pb2

if TYPE_CHECKING:
    from nextpoint._sync._connection import Connection
    from nextpoint._sync._run import Run
    from nextpoint._sync._suggestion import Suggestion

# The client says how long its leases last, so that it knows when to renew them without comparing
# its clock with the service's.
DEFAULT_LEASE_SECONDS = 60.0

# What the contract takes in one call.
MAX_HAND_OUTS = 1000

logger = logging.getLogger("nextpoint")


@dataclass(frozen=True, slots=True)
class _Hold:
    # The object that the user got. Without it nobody is left to report the outcome.
    held: weakref.ref[Suggestion | Run]
    experiment_id: str
    suggestion_id: str
    attempt: int
    lease_seconds: float
    due: float
    expires: float


class LeaseKeeper:
    """What is held, and its renewal; it starts with the first hold and ends with the client.

    What the user lets go of, without an outcome, is renewed no more.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holds: dict[str, _Hold] = {}
        # What a stream brought and keeps leased, until it is reported or given back.
        self._streamed: set[str] = set()
        self._lock = threading.Lock()
        self._changed = Signal()
        self._closed = False
        self._renewal: Background | None = None

    def keep(self, held: Suggestion | Run, suggestion_id: str, lease_seconds: float) -> None:
        """Renew this hold from now on, for as long as the object lives."""
        now = time.monotonic()
        hold = _Hold(
            held=weakref.ref(held),
            experiment_id=held.experiment_id,
            suggestion_id=suggestion_id,
            attempt=held.attempt,
            lease_seconds=lease_seconds,
            due=now + lease_seconds / 3,
            expires=now + lease_seconds,
        )
        with self._lock:
            self._holds[suggestion_id] = hold
            if self._renewal is None:
                self._renewal = Background(self._run)
        self._changed.set()

    def drop(self, suggestion_id: str) -> None:
        """Renew this hold no more."""
        with self._lock:
            self._holds.pop(suggestion_id, None)
            self._streamed.discard(suggestion_id)

    def note_streamed(self, suggestion_id: str) -> None:
        """Remember that a stream brought this, and keeps it leased."""
        with self._lock:
            self._streamed.add(suggestion_id)

    def is_in_hand(self, suggestion_id: str) -> bool:
        """Whether what a stream brought is neither reported nor given back."""
        return suggestion_id in self._streamed

    def warn_of_forgotten(self, experiment_id: str) -> None:
        """Tell the user which suggestions of an experiment were dropped without an outcome.

        Until their leases run out they count as held, and nobody gets them.
        """
        now = time.monotonic()
        with self._lock:
            remaining = [
                hold.expires - now
                for hold in self._holds.values()
                if hold.experiment_id == experiment_id
                and hold.held() is None
                and hold.expires > now
            ]
        if remaining:
            logger.warning(
                "experiment %s: %d suggestions that this process asked for were dropped without an "
                "outcome; the next worker gets them when their leases run out, within %.0f "
                "seconds. Report an outcome for every suggestion, failed=True where there is none, "
                "or release it",
                experiment_id,
                len(remaining),
                max(remaining),
            )

    def stop(self) -> None:
        """Renew nothing more. What is held stays held until its lease runs out."""
        self._closed = True
        self._changed.set()

    def join(self) -> None:
        """Wait until nothing is being renewed; only after `stop`."""
        if self._renewal is not None:
            self._renewal.join()

    def _run(self) -> None:
        while not self._closed:
            with self._lock:
                next_due = min((hold.due for hold in self._holds.values()), default=None)
            wait = None if next_due is None else max(0.0, next_due - time.monotonic())
            if self._changed.wait(wait):
                self._changed.clear()
                continue
            self._renew_due()

    def _renew_due(self) -> None:
        due = sorted(self._take_due(), key=_lease_seconds)
        for lease_seconds, group in groupby(due, key=_lease_seconds):
            holds = list(group)
            for start in range(0, len(holds), MAX_HAND_OUTS):
                self._renew(holds[start : start + MAX_HAND_OUTS], lease_seconds)

    def _take_due(self) -> list[_Hold]:
        """Return what is to be renewed now; put off what nobody holds until its lease is over."""
        now = time.monotonic()
        renewable = []
        with self._lock:
            for hold in [each for each in self._holds.values() if each.due <= now]:
                if hold.held() is not None:
                    renewable.append(hold)
                elif hold.expires <= now:
                    del self._holds[hold.suggestion_id]
                else:
                    self._holds[hold.suggestion_id] = replace(hold, due=hold.expires)
        return renewable

    def _renew(self, holds: list[_Hold], lease_seconds: float) -> None:
        interval = lease_seconds / 3
        expires: float | None = time.monotonic() + lease_seconds
        request = suggestion_service_pb2.RenewLeasesRequest(
            hand_outs=[
                suggestion_service_pb2.HandOut(
                    suggestion_id=hold.suggestion_id, attempt=hold.attempt
                )
                for hold in holds
            ],
            lease_duration=duration_to_proto(lease_seconds),
        )
        lost: set[tuple[str, int]] = set()
        try:
            response = self._connection.call(
                self._connection.suggestions.RenewLeases, request, within=interval
            )
            lost = {(hand_out.suggestion_id, hand_out.attempt) for hand_out in response.lost}
        except NextpointError as error:
            # There is time for more attempts before the leases run out.
            logger.debug("leases not renewed, will try again: %s", error)
            interval /= 4
            expires = None
        self._settle(holds, lost, due=time.monotonic() + interval, expires=expires)

    def _settle(
        self,
        holds: list[_Hold],
        lost: set[tuple[str, int]],
        *,
        due: float,
        expires: float | None,
    ) -> None:
        with self._lock:
            for hold in holds:
                # Meanwhile it may have been dropped, or held anew under another attempt.
                if self._holds.get(hold.suggestion_id) is not hold:
                    continue
                if (hold.suggestion_id, hold.attempt) in lost:
                    # Its outcome is still accepted, so this is nothing to raise.
                    logger.info("lease of %s lost", hold.suggestion_id)
                    del self._holds[hold.suggestion_id]
                else:
                    self._holds[hold.suggestion_id] = replace(
                        hold, due=due, expires=expires or hold.expires
                    )


def _lease_seconds(hold: _Hold) -> float:
    return hold.lease_seconds
