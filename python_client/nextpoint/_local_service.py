"""Runs a service in a child process."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nextpoint.errors import UnavailableError

if TYPE_CHECKING:
    import os

# It is ready in 2 seconds; a busy machine gets more.
START_SECONDS = 60.0

# It finishes what it is doing when it is told to end.
STOP_SECONDS = 15.0

LAST_LOG_LINES = 20

READY = "listening on "

# Runs `python -m nextpoint_service`, and ends with the caller, however that ends: its end of the
# pipe is closed then. Read without the lock of `sys.stdin`, which the end of Python would wait for.
PROGRAM = """
import os, runpy, signal, threading

def end_with_the_caller():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_the_caller, daemon=True).start()
runpy.run_module("nextpoint_service", run_name="__main__", alter_sys=True)
"""


class LocalService:
    """A service in a child process, on a port that the system chooses."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="nextpoint-")
        folder = Path(self._directory.name)
        self._database = Path(path) if path is not None else folder / "nextpoint.sqlite3"
        self._log = folder / "service.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it and return its address, or raise UnavailableError with its last words."""
        command = [sys.executable, "-c", PROGRAM, "serve"]
        command += ["--address", "127.0.0.1:0", "--database", str(self._database)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C is for the caller, who may still have something to report.
                start_new_session=True,
            )
        line = _first_line(self._process)
        if line is None or not line.startswith(READY):
            raise UnavailableError(self._why_not_started(line), reason="NOT_STARTED")
        return line.removeprefix(READY).strip()

    def stop(self) -> None:
        """End it, and remove a temporary database. It is safe to repeat."""
        if self._process is not None:
            with self._process:  # closes the pipes and waits
                self._process.terminate()
                try:
                    self._process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self._process.kill()
        self._directory.cleanup()

    def _why_not_started(self, line: str | None) -> str:
        log = self._log.read_text(errors="replace")
        if "No module named" in log:
            hint = "Is it installed? pip install 'nextpoint[service]'"
        elif line is None:
            hint = f"It said nothing for {START_SECONDS:.0f} seconds."
        else:
            hint = "It ended."
        last_lines = "\n".join(log.splitlines()[-LAST_LOG_LINES:])
        return f"the local service did not start. {hint} Its last log lines:\n{last_lines}"


def _first_line(process: subprocess.Popen[str]) -> str | None:
    """Return the first line on standard output, empty at its end; None when none comes in time."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        if process.stdout is not None:
            # Whoever waits no longer closes it, maybe before this thread has got here.
            with contextlib.suppress(ValueError):
                lines.put(process.stdout.readline())

    threading.Thread(target=read, daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return None
