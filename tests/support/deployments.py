"""Services for tests: real processes that can be killed and come back."""

import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_ROOT = Path(__file__).parents[2]
_REAL = "nextpoint_service"
_SCRIPTED = "tests.support.serve_scripted"
_SECONDS = 60.0


class ServiceProcess:
    """A service in a child process, on a port that the system chose at its first start."""

    def __init__(self, database: Path, *flags: str, scripted: bool = True) -> None:
        self._program = [_SCRIPTED] if scripted else [_REAL, "serve"]
        self._flags = [f"--database={database}", *flags]
        self._process: subprocess.Popen[str] | None = None
        self.log = database.with_suffix(".log")
        self.address = "127.0.0.1:0"

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it listens."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program, f"--address={self.address}", *self._flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_ROOT,
            )
        line = first_line(self._process)
        assert line.startswith("listening on "), line + self.log.read_text()
        self.address = line.removeprefix("listening on ").strip()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(subprocess.Popen.kill)

    def terminate(self) -> int:
        """End it as an operator would, and return its exit code."""
        return self._end(subprocess.Popen.terminate)

    def _end(self, how: Callable[[subprocess.Popen[str]], None]) -> int:
        process = self._process
        assert process is not None
        how(process)
        code = process.wait(_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        return code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return what a process says first."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    return lines.get(timeout=_SECONDS)
