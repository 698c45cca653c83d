"""What runs inside a model process."""

import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FrameType, ModuleType
from typing import TypeVar

from nextpoint_service.application.optimizer_port import Expectations, Importances, Problem, Studied
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.choice import Maker, maker_for
from nextpoint_service.optimizer.not_fitted import NotFitted
from nextpoint_service.optimizer.settings import OptimizerSettings

T = TypeVar("T")
Compute = Callable[[Problem, OptimizerSettings], Sequence[Proposal]]
Work = Callable[[OptimizerSettings], T]
"""What a model process computes: a function of a module, and what it is given."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no point from a model, as people are told."""

    reason: str


_NICENESS = 1
SHUTTING_DOWN = Failure("the service is shutting down")


def compute_model(problem: Problem, settings: OptimizerSettings) -> Sequence[Proposal]:
    """Make points from a model: the one that is best at such problems."""
    maker = maker_for(problem.experiment)
    by_ax = maker is Maker.AX
    proposals: Sequence[Proposal] = _module(maker).propose(
        problem,
        most_observations=settings.model_observations if by_ax else settings.engine_observations,
    )
    return proposals


def compute_importances(studied: Studied, settings: OptimizerSettings) -> Importances:
    """Say which parameters move which metrics."""
    from nextpoint_service.optimizer import importances  # noqa: PLC0415  # NumPy takes its time

    return importances.importances_of(studied, most_observations=settings.model_observations)


def compute_expectations(studied: Studied, settings: OptimizerSettings) -> Expectations:
    """Say what a model expects at each observation."""
    from nextpoint_service.optimizer import expectations  # noqa: PLC0415  # as above

    return expectations.expectations_of(studied, most_observations=settings.engine_observations)


def learn_ahead(_: OptimizerSettings) -> None:
    """Learn, once an answer is given, what the next points will need."""
    from nextpoint_service.optimizer.lessons import LEARNER  # noqa: PLC0415  # as above

    LEARNER.learn_ahead()


def set_up_light(settings: OptimizerSettings) -> int:
    """Prepare this new process for models of our own, as `set_up` does."""
    confine()
    return set_up(settings)


def load() -> None:
    """Load models of our own."""
    for maker in Maker:
        if maker is not Maker.AX:
            _module(maker)


def _module(maker: Maker) -> ModuleType:
    # Never in the server: NumPy takes its time, and Ax seconds unless the fork server has done it.
    return import_module(f"nextpoint_service.optimizer.{maker.value}")


def confine() -> None:
    """Give this process one thread for its mathematics, and nowhere to print."""
    use_one_thread()
    # The output of the server belongs to the server; what fails here is reported in other ways.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def use_one_thread() -> None:
    """Give this process one thread for its mathematics: more wait for each other, and burn a core.

    The libraries read that when they are loaded, so it comes before them.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def set_up(settings: OptimizerSettings) -> int:
    """Prepare this process for models, and return its id."""
    # Calls are answered first.
    os.nice(_NICENESS)
    # The server decides what an interrupt means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The limit is on data: the libraries of CUDA alone reserve more addresses than that.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = settings.memory_bytes if most < 0 else min(settings.memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    if torch := sys.modules.get("torch"):
        # Two threads change the ninth digit, and every process has its own core.
        torch.set_num_threads(1)
    return os.getpid()


def end_with_the_server() -> None:
    """Have this process end when the server does, from before its first work on.

    For that it would wait for ever: it holds the other end of its own queue.
    """
    threading.Thread(target=_end_with_the_server, daemon=True).start()


def _end_with_the_server() -> None:
    # The fork server ends when all its children have, so the children have to begin.
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)


def run(work: Work[T], settings: OptimizerSettings) -> T | Failure:
    """Compute within the time box; what goes wrong is returned, for not every error can travel."""
    try:
        with _TimeBox(settings.time_box_seconds):
            return work(settings)
    except _TimeIsUp:
        return too_long(settings)
    except MemoryError:
        return Failure(_memory_reason(settings))
    except NotFitted as error:
        return Failure(str(error))
    except Exception as error:  # noqa: BLE001  # the border of the pool
        if "can't allocate memory" in str(error):
            return Failure(_memory_reason(settings))
        return Failure(f"the model failed with {type(error).__name__}: {_short(error)}")


def too_long(settings: OptimizerSettings) -> Failure:
    """Return that the time box was not enough."""
    return Failure(f"the model took longer than {settings.time_box_seconds:g} s")


def not_done(settings: OptimizerSettings) -> Failure:
    """Return that the model did not end in time, whenever it was begun."""
    return Failure(f"the model was not done {settings.give_up_seconds:g} s after it was asked for")


class _TimeIsUp(BaseException):
    """The time box is over; not an Exception, which a library that retries would swallow."""


class _TimeBox:
    """Raises _TimeIsUp inside the block when its time is over, and every second from then on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, _time_is_up)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, 1.0)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _time_is_up(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp


def _memory_reason(settings: OptimizerSettings) -> str:
    return f"the model needed more than {settings.memory_bytes / 2**20:.0f} MiB of memory"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]}…"
