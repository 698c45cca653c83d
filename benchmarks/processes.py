"""A service in a process of its own, and what its processes use."""

import select
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from psutil import NoSuchProcess, Process

_READY = "listening on "
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class ServiceProcess:
    """A service on a port that the system chooses, with a database that goes when it does."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._folder = tempfile.TemporaryDirectory(prefix="nextpoint-benchmark-")
        self.address = ""
        self.pid = 0

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        command = [sys.executable, "-m", "nextpoint_service", "serve", "--address=127.0.0.1:0"]
        command += [f"--database={folder / 'nextpoint.sqlite3'}", "--log-level=error"]
        with (folder / "service.log").open("w") as log:
            self._process = subprocess.Popen(
                [*command, *self._flags], stdout=subprocess.PIPE, stderr=log
            )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _START_SECONDS)
        line = self._process.stdout.readline().decode() if ready else ""
        if not line.startswith(_READY):
            self.__exit__(None, None, None)
            raise RuntimeError(f"the service did not start: {line}")
        self.address = line.removeprefix(_READY).strip()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._folder.cleanup()


def below(ancestor: int) -> list[Process]:
    """Return the processes that a process started, and those that they did."""
    return Process(ancestor).children(recursive=True)


def cpu_seconds(process: Process) -> float:
    """Return the processor time of a process; 0 for one that has ended."""
    try:
        times = process.cpu_times()
    except NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def shared_megabytes(process: Process) -> float:
    """Return the proportional set size in MB: shared pages count as parts."""
    return float(process.memory_full_info().pss / 1e6)


def model_processes(server: int) -> list[Process]:
    """Return the processes that compute models: our own, and the children of the fork server."""
    found = []
    for each in below(server):
        with suppress(NoSuchProcess):
            if not each.children() and _is_model(each):
                found.append(each)
    return found


def _is_model(process: Process) -> bool:
    command = " ".join(process.cmdline())
    return "forkserver" in command or "spawn_main" in command


def bare_ax_megabytes() -> float:
    """Return the proportional set size of a Python that has imported Ax and nothing else."""
    program = "import ax, sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return shared_megabytes(Process(process.pid))
