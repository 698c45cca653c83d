"""What the fork server imports, once, so that every model process has it at once.

A fork server can be told nothing but what to import; so, unlike any other module, this one acts
when it is imported, and nothing but the fork server may import it.
"""

import os
import threading

from nextpoint_service.optimizer.computing import confine

confine()
# The fork server looks away while it loads; afterwards it sees by itself when the server ends.
_server = os.getppid()
_loaded = threading.Event()


def _end_with_the_server() -> None:
    while not _loaded.wait(0.5):
        if os.getppid() != _server:
            os._exit(1)


threading.Thread(target=_end_with_the_server, daemon=True).start()
from nextpoint_service.optimizer import model  # noqa: E402, F401  # the purpose of it all

_loaded.set()
