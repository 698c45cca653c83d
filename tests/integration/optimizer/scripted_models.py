"""Stand-ins for the model that misbehave in a model process."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from nextpoint_service.application.optimizer_port import Problem
from nextpoint_service.domain.suggestion import Proposal
from nextpoint_service.optimizer.fit import Data
from nextpoint_service.optimizer.lessons import LEARNER
from nextpoint_service.optimizer.settings import OptimizerSettings


def raise_an_error(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    raise ArithmeticError("the matrix is not positive definite")


def fail_with_the_pid(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    raise ArithmeticError(os.getpid())


def learn_from(count: int, _settings: OptimizerSettings) -> None:
    LEARNER.learn(_first(count), _first)


def has_learned_from(count: int, _settings: OptimizerSettings) -> bool:
    return _first(count) in LEARNER


def _first(count: int) -> Data:
    rows = np.random.default_rng(0).random((200, 2))[:count]
    return Data(rows, np.sin(5 * rows[:, 0]) + rows[:, 1], np.arange(2), None)


def fail_loading() -> None:
    raise ImportError


def hang_loading() -> None:
    Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(60)


def hang(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    time.sleep(60)
    return []


def hang_swallowing_errors(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    while True:
        with suppress(Exception):
            time.sleep(60)


def hang_deaf(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)
    return []


def die(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    os._exit(1)


def take_memory(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    bytearray(8 * 2**30)
    return []


def take_memory_of_torch(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    import torch  # noqa: PLC0415

    torch.ones(2**30)
    return []


def print_much(_problem: Problem, _settings: OptimizerSettings) -> Sequence[Proposal]:
    print("printed by a model")  # noqa: T201
    os.write(1, b"printed by a model")
    os.write(2, b"printed by a model")
    raise ArithmeticError
