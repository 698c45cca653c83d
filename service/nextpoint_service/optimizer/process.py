"""A process that computes models, ended and begun again where need be."""

import os
import signal
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import TypeVar, assert_never

import structlog

from nextpoint_service.optimizer import computing
from nextpoint_service.optimizer.settings import OptimizerSettings

START_SECONDS = 120.0
"""How long a new process may take for each of its first two steps. Loading Ax is before them."""
_AHEAD_SECONDS = 2.0
"""How long a process may learn ahead, which the next work waits for."""
T = TypeVar("T")
# The warning begins so.
_TRACKED = "ignore:resource_tracker:UserWarning"
_log = structlog.get_logger()
_PRELOAD = "nextpoint_service.optimizer.preload"


class Kind(Enum):
    """What a model process has loaded."""

    LIGHT = "light"
    """What models of our own need: a new interpreter, in a second."""
    AX = "ax"
    """Ax: forked from a server that has loaded it, once for all, in ten seconds."""


class ModelProcess:
    """One process, made when it is needed.

    It belongs to one thread, but for `close`. Each has an executor of its own, so that ending it
    ends no other work.
    """

    def __init__(self, kind: Kind, settings: OptimizerSettings) -> None:
        self._kind = kind
        self._settings = settings
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._closed = False

    def start(self) -> None:
        """Begin the process if it is not there, and wait until it has loaded what it needs.

        Raises OSError, TimeoutError among them, EOFError or BrokenProcessPool; then it is ended,
        unless it hangs before it could say its id.
        """
        if self._executor is None and not self._closed:
            self._begin()

    def _begin(self) -> ProcessPoolExecutor:
        _quieten_the_tracker()
        match self._kind:
            case Kind.LIGHT:
                set_up = computing.set_up_light
                executor = _executor(get_context("spawn"))
            case Kind.AX:
                context = get_context("forkserver")
                context.set_forkserver_preload([_PRELOAD])
                set_up = computing.set_up
                executor = _executor(context)
            case _:
                assert_never(self._kind)
        self._executor = executor
        try:
            self._pid = executor.submit(set_up, self._settings).result(START_SECONDS)
            if self._closed:
                self._kill()
            if self._kind is Kind.LIGHT:
                executor.submit(computing.load).result(START_SECONDS)
        except BaseException:
            self.end()
            raise
        return executor

    def compute(self, work: computing.Work[T]) -> T | computing.Failure:
        """Compute in the process. One that dies is begun again, once for each piece of work."""
        for _ in range(2):
            if self._closed:
                break
            try:
                return self._try(work)
            except (BrokenProcessPool, EOFError, OSError):
                self.end()
        if self._closed:
            return computing.SHUTTING_DOWN
        return computing.Failure("the model's process ended while it was needed")

    def close(self) -> None:
        """End the process, whatever it is doing, for good. For other threads; does not wait."""
        self._closed = True
        self._kill()

    def end(self) -> None:
        """End the process."""
        self._kill()
        executor, self._executor, self._pid = self._executor, None, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _try(self, work: computing.Work[T]) -> T | computing.Failure:
        executor = self._executor or self._begin()
        future = executor.submit(computing.run, work, self._settings)
        try:
            result = future.result(self._settings.give_up_seconds)
        except TimeoutError:
            self.end()
            return computing.not_done(self._settings)
        if self._kind is Kind.LIGHT:
            # One that has died meanwhile, a RuntimeError, is begun anew for the next work.
            with suppress(OSError, RuntimeError):
                settings = replace(self._settings, time_box_seconds=_AHEAD_SECONDS)
                learning = executor.submit(computing.run, computing.learn_ahead, settings)
                learning.add_done_callback(_report_failure)
        return result

    def _kill(self) -> None:
        # The process's own thread may end it meanwhile.
        pid = self._pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _executor(context: BaseContext) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=1, mp_context=context, initializer=computing.end_with_the_server
    )


def _report_failure(learning: Future[computing.Failure | None]) -> None:
    if learning.cancelled() or learning.exception() is not None:
        # The process was ended: its next work finds that out.
        return
    if isinstance(failure := learning.result(), computing.Failure):
        _log.warning("nothing_learned_ahead", reason=failure.reason)


def _quieten_the_tracker() -> None:
    """Have Python remove the semaphores of a server that was killed without a word.

    The process that does it is started with the first semaphore, with these options for warnings,
    and writes into the log of the server.
    """
    if _TRACKED not in sys.warnoptions:
        sys.warnoptions.append(_TRACKED)
