"""The client that the functions of the module use."""

from __future__ import annotations

import functools
import inspect
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Concatenate, NoReturn, ParamSpec, TypeVar

from nextpoint._sync._client import Client
from nextpoint._sync._local import local_client

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from types import TracebackType

P = ParamSpec("P")
R = TypeVar("R")


class _Default:
    """The innermost client of a `local` block, or else one that is made at first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._local: list[Client] = []

    def get(self) -> Client:
        with self._lock:
            if self._local:
                return self._local[-1]
            if self._client is None:
                self._client = Client()
            return self._client

    @contextmanager
    def replaced(self, client: Client) -> Iterator[None]:
        with self._lock:
            self._local.append(client)
        try:
            yield
        finally:
            with self._lock:
                self._local.remove(client)


_default = _Default()


def local(path: str | os.PathLike[str] | None = None) -> AbstractContextManager[Client]:
    """Run a service of your own in a child process, for the length of the block.

    Inside the block its client is the default one, for the functions of this module and in every
    thread. It needs ``pip install 'nextpoint[service]'``.

    Args:
        path: The SQLite file that keeps everything. None means a temporary file, gone at the end.

    Raises:
        UnavailableError: The service did not start; the message shows its last log lines.

    Example:
        with nextpoint.local("experiments.sqlite3"):
            experiment = nextpoint.create_experiment(...)
    """
    return _Block(_running(path))


@contextmanager
def _running(path: str | os.PathLike[str] | None) -> Iterator[Client]:
    with local_client(path) as client, _default.replaced(client):
        yield client


class _Block(AbstractContextManager[Client]):
    """What `local` returns; to whoever takes it for the client it says that it is none."""

    def __init__(self, running: AbstractContextManager[Client]) -> None:
        self._running = running

    def __enter__(self) -> Client:
        return self._running.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._running.__exit__(kind, error, traceback)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"nothing runs yet that has {name!r}: local() is for a with block, "
            "with nextpoint.local() as client: ..."
        )


def _on_default(method: Callable[Concatenate[Client, P], R]) -> Callable[P, R]:
    """Return the function that calls a method of the default client."""

    @functools.wraps(method)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        return method(_default.get(), *args, **kwargs)

    # What `help` shows: the method's, less `self`.
    signature = inspect.signature(method)
    parameters = list(signature.parameters.values())[1:]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function


create_experiment = _on_default(Client.create_experiment)
get_experiment = _on_default(Client.get_experiment)
list_experiments = _on_default(Client.list_experiments)
get_run = _on_default(Client.get_run)
