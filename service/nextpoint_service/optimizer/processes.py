"""Model processes of one kind."""

from asyncio import to_thread, wait_for, wrap_future
from concurrent.futures import Future
from threading import Thread
from time import monotonic
from typing import TypeVar

import structlog

from nextpoint_service.application.optimizer_port import LOADING
from nextpoint_service.optimizer.computing import SHUTTING_DOWN, Failure, Work, not_done
from nextpoint_service.optimizer.process import Kind, ModelProcess
from nextpoint_service.optimizer.settings import OptimizerSettings
from nextpoint_service.optimizer.work_queue import Asked, WorkQueue

T = TypeVar("T")

_JOIN_SECONDS = 1.0
_NOT_BEGUN = "no model process was free in time"

_log = structlog.get_logger()


class ModelProcesses:
    """So many processes as the settings say, each with a thread that waits for it."""

    def __init__(self, kind: Kind, settings: OptimizerSettings) -> None:
        self._queue = WorkQueue()
        self._processes = [ModelProcess(kind, settings) for _ in range(settings.processes)]
        # A thread that waits for Ax to load must not hold up the end of the server.
        self._threads = [
            Thread(target=self._serve, args=(number, process), name="model", daemon=True)
            for number, process in enumerate(self._processes)
        ]
        self._settings = settings
        self._started = False
        self._loading = True
        self._closed = False

    @property
    def is_loading(self) -> bool:
        """Whether all are still on their way: none was ready yet, and none has failed to be."""
        return self._loading

    def start(self) -> None:
        """Begin to load what the processes need, without waiting for it, if that has not begun."""
        if not self._started and not self._closed:
            self._started = True
            for thread in self._threads:
                thread.start()

    async def close(self) -> None:
        """End the threads and processes, and tell those who wait."""
        self._closed = True
        for asked in self._queue.close():
            if asked.future.set_running_or_notify_cancel():
                asked.future.set_result(SHUTTING_DOWN)
        for process in self._processes:
            process.close()
        await to_thread(self._join)

    async def compute(self, experiment_id: str, work: Work[T]) -> T | Failure:
        """Return what the work returns in one of the processes, or why there is nothing."""
        if self._closed:
            return SHUTTING_DOWN
        future: Future[T | Failure] = Future()
        self._queue.put(Asked(experiment_id, work, future))
        # From here on, and not from when it is begun: Ax may load, and others may be first.
        try:
            return await wait_for(wrap_future(future), self._settings.give_up_seconds)
        except TimeoutError:
            # Giving up cancels what nobody has begun; what ended in that moment can be taken.
            if future.cancelled():
                return Failure(LOADING if self._loading else _NOT_BEGUN)
            return future.result() if future.done() else not_done(self._settings)

    def _serve(self, number: int, process: ModelProcess) -> None:
        """Do what waits, one after the other, on a thread that belongs to the process."""
        _begin(process)
        self._loading = False
        while (asked := self._queue.take(number)) is not None:
            if asked.future.set_running_or_notify_cancel():
                asked.future.set_result(_computed(process, asked.work))
            # One that had to be ended begins anew before it is idle: others do what waits.
            _begin(process)
        process.end()

    def _join(self) -> None:
        deadline = monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - monotonic()))


def _begin(process: ModelProcess) -> None:
    try:
        process.start()
    except Exception as error:  # noqa: BLE001  # the thread goes on
        # Whatever waits will try again, and say so if that fails too.
        _log.warning("model_not_loaded", error=repr(error))


def _computed(process: ModelProcess, work: Work[T]) -> T | Failure:
    try:
        return process.compute(work)
    except Exception as error:  # noqa: BLE001  # the border of the pool
        _log.exception("model_process_failed")
        return Failure(f"the model could not be computed: {type(error).__name__}")
