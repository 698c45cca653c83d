"""What the fork server imports, once, so that every model process has it at once.

A fork server can be told nothing but what to import; so, unlike any other module, this one acts
when it is imported, and nothing but the fork server may import it.
"""

import os
import threading

# Read by the libraries below when they are loaded. Each model process has one core.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

# The output of the server belongs to the server; what fails here is reported in other ways.
_nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 1)
os.dup2(_nowhere, 2)

# The fork server looks away while it loads; afterwards it sees by itself when the server ends.
_server = os.getppid()
_loaded = threading.Event()


def _end_with_the_server() -> None:
    while not _loaded.wait(0.5):
        if os.getppid() != _server:
            os._exit(1)


threading.Thread(target=_end_with_the_server, daemon=True).start()
from nextpoint_service.optimizer import engine, model  # noqa: E402, F401  # the purpose of it all

_loaded.set()
