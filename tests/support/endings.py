"""Gives clients that end more time to give back what they hold than a slow machine stalls for."""

import pytest

ENDING_SECONDS = 30


@pytest.fixture(autouse=True)
def time_to_end(monkeypatch):
    for client in ("nextpoint._sync", "nextpoint.aio"):
        monkeypatch.setattr(f"{client}._stream.ENDING_SECONDS", ENDING_SECONDS)
        monkeypatch.setattr(f"{client}._optimize.ENDING_SECONDS", ENDING_SECONDS)
        defaults = {"within": ENDING_SECONDS}
        monkeypatch.setattr(f"{client}._suggestion.give_back.__kwdefaults__", defaults)
