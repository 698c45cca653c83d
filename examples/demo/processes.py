"""The demo's child processes: one service, and workers."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

READY_SECONDS = 60
STOP_SECONDS = 20
LISTENING = "listening on "


class Broken(Exception):
    """Something is not as the demo promises."""


class Service:
    """A service in a process of its own, which can be killed and started again."""

    def __init__(self, database: Path, log: TextIO) -> None:
        self.address = "127.0.0.1:0"
        self._database = database
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._groups: list[int] = []

    def start(self) -> None:
        """Start, and wait until it listens; after the first time on the same port."""
        command = [sys.executable, "-m", "nextpoint_service", "serve"]
        flags = ["--address", self.address, "--database", str(self._database)]
        self._process = subprocess.Popen(
            [*command, *flags],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # A group of its own, whose last member the end of the demo finds.
            process_group=0,
        )
        self._groups.append(self._process.pid)
        self.address = _listening_on(self._process)

    def check(self) -> None:
        """Raise Broken unless it runs."""
        if self._process is None or self._process.poll() is not None:
            raise Broken("the service ended by itself")

    def kill(self) -> None:
        """Kill it with SIGKILL: it can neither finish nor save anything."""
        if self._process is not None:
            self._process.kill()
            _close(self._process)

    def stop(self) -> None:
        """Ask it to stop; kill it if it does not, and whatever processes it left behind."""
        if self._process is not None:
            stop(self._process)
            _close(self._process)
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def _listening_on(process: subprocess.Popen[str]) -> str:
    if process.stdout is None:
        raise Broken("the service has no output to read its address from")
    ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line.startswith(LISTENING):
        raise Broken("the service did not start")
    return line.removeprefix(LISTENING).strip()


def _close(process: subprocess.Popen[str]) -> None:
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def start_worker(
    *, address: str, experiment_id: str, worker_id: str, receipts: Path, log: TextIO
) -> subprocess.Popen[str]:
    """Start a worker that computes on one thread, so that four of them share two cores well."""
    script = Path(__file__).with_name("worker.py")
    return subprocess.Popen(
        [sys.executable, script, address, experiment_id, worker_id, receipts],
        stdout=log,
        stderr=log,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to stop; kill it if it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
