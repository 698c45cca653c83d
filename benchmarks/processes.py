"""A service in a process of its own, and what its processes use."""

import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

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


def below(ancestor: int) -> set[int]:
    """Return the processes that a process started, and those that they did."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {each for each, up in parents.items() if up in found | {ancestor}} - found:
        found |= more
    return found


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process; 0 for one that has ended."""
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def megabytes(process: int) -> dict[str, float]:
    """Return the resident and the proportional set size in MB: shared pages count as parts."""
    sizes = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        name, _, size = line.partition(":")
        if name in ("Rss", "Pss"):
            sizes[name.lower()] = int(size.split()[0]) * 1024 / 1e6
    return sizes


def model_processes(server: int) -> list[int]:
    """Return the processes that compute models: our own, and the children of the fork server."""
    processes = below(server)
    parents = {int(fields[1]) for each in processes if (fields := _stat(each))}
    return sorted(each for each in processes - parents if _is_model(each))


def _is_model(process: int) -> bool:
    command = Path(f"/proc/{process}/cmdline").read_text()
    return "forkserver" in command or "spawn_main" in command


def bare_ax_megabytes() -> float:
    """Return the proportional set size of a Python that has imported Ax and nothing else."""
    program = "import ax, sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return megabytes(process.pid)["pss"]


def _stat(process: int) -> list[str]:
    """Return the fields after the name; none for a process that has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
