"""What the fork server imports, once, so that every model process has it at once.

A fork server can be told nothing but what to import; so, unlike any other module, this one acts
when it is imported, and nothing but the fork server may import it.
"""

import os
import threading

from nextpoint_service.optimizer.worker import end_with

# Read by the libraries below when they are loaded. Each model process has one core.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

# The output of the server belongs to the server; what fails here is reported in other ways.
_nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 1)
os.dup2(_nowhere, 2)

# From here on the fork server looks away for seconds; later it sees itself when the server ends.
_loaded = threading.Event()
end_with(os.getppid(), _loaded)
from nextpoint_service.optimizer import model  # noqa: E402, F401  # the purpose of it all

_loaded.set()
