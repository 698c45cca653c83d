"""A process that computes models, ended and begun again where need be."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from typing import TypeVar

from nextpoint_service.optimizer import worker
from nextpoint_service.optimizer.settings import OptimizerSettings

GRACE_SECONDS = 5.0
"""How long after its time box a model that does not look at the time is left alone."""
T = TypeVar("T")
_PRELOAD = "nextpoint_service.optimizer.preload"


class ModelProcess:
    """One process, made when it is needed, by a fork server that has loaded Ax already.

    It belongs to one thread, but for `close`. Each has an executor of its own, so that ending it
    ends no other work.
    """

    def __init__(self, settings: OptimizerSettings) -> None:
        self._settings = settings
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._closed = False

    def start(self) -> ProcessPoolExecutor:
        """Begin the process, which waits until the fork server has loaded Ax.

        Raises OSError, EOFError or BrokenProcessPool.
        """
        context = get_context("forkserver")
        context.set_forkserver_preload([_PRELOAD])
        self._executor = ProcessPoolExecutor(max_workers=1, mp_context=context)
        self._pid = self._executor.submit(worker.set_up, self._settings).result()
        return self._executor

    def compute(self, work: worker.Work[T]) -> T | worker.Failure:
        """Compute in the process. One that dies is begun again, once for each job."""
        for _ in range(2):
            if self._closed:
                return worker.SHUTTING_DOWN
            try:
                return self._try(work)
            except (BrokenProcessPool, EOFError, OSError):
                self.end()
        return worker.Failure("the model's process ended while it was needed")

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

    def _try(self, work: worker.Work[T]) -> T | worker.Failure:
        executor = self._executor or self.start()
        future = executor.submit(worker.run, work, self._settings)
        try:
            return future.result(self._settings.time_box_seconds + GRACE_SECONDS)
        except TimeoutError:
            self.end()
            return worker.too_long(self._settings)

    def _kill(self) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
