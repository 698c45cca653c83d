"""Opens runs and reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nextpoint._convert import duration_to_proto, run_from_proto
from nextpoint._enums import enum_from_word, words_of
from nextpoint._fields import Fields, identity, raise_if_any
from nextpoint._metadata import metadata_to_proto
from nextpoint.aio._connection import PAGE_SIZE
from nextpoint.aio._run import Run
from nextpoint.v1 import run_pb2, run_service_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from nextpoint._records import MetadataValue
    from nextpoint.aio._connection import Connection
    from nextpoint.errors import FieldViolation

STATES = words_of(run_pb2.RunState)


async def open_run(
    connection: Connection,
    experiment_id: str,
    *,
    name: str | None,
    metadata: Mapping[str, MetadataValue] | None,
    worker_id: str | None,
    lease_duration: float,
    max_wait: float | None,
) -> Run:
    """Return a run that holds a suggestion, whose lease is renewed from now on."""
    violations: list[FieldViolation] = []
    given = {
        "name": name,
        "metadata": metadata,
        "worker_id": worker_id,
        "lease_duration": lease_duration,
        "max_wait": max_wait,
    }
    fields = Fields(given, "", violations)
    lease_seconds = fields.required_seconds("lease_duration")
    wait_seconds = fields.seconds("max_wait")
    request = run_service_pb2.CreateRunRequest(
        experiment_id=experiment_id,
        name=fields.text("name") or "",
        worker_id=fields.text("worker_id") or "",
        lease_duration=duration_to_proto(lease_seconds),
        max_wait=duration_to_proto(wait_seconds),
        metadata=metadata_to_proto(fields),
    )
    raise_if_any(violations, "the run")
    response = await connection.call(connection.runs.CreateRun, request, waits=wait_seconds)
    run = Run(connection, run_from_proto(response.run))
    connection.leases.keep(run, run.suggestion_id, lease_seconds)
    return run


async def fetch_run(connection: Connection, run_id: str) -> Run:
    """Return a run."""
    request = run_service_pb2.GetRunRequest(run_id=identity("run_id", run_id))
    response = await connection.call(connection.runs.GetRun, request)
    return Run(connection, run_from_proto(response.run))


async def list_runs(
    connection: Connection, experiment_id: str, state: str | None
) -> AsyncIterator[Run]:
    """Yield the runs, the newest first."""
    request = run_service_pb2.ListRunsRequest(
        experiment_id=experiment_id,
        state=enum_from_word(state, STATES, absent=run_pb2.RUN_STATE_UNSPECIFIED),
        page_size=PAGE_SIZE,
    )
    async for page in connection.pages(connection.runs.ListRuns, request):
        for message in page.runs:
            yield Run(connection, run_from_proto(message))
