"""One service for all snippets and examples that need one: loading Ax is what takes time."""

import pytest

import nextpoint


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    with nextpoint.local(tmp_path_factory.mktemp("docs") / "nextpoint.sqlite3") as client:
        yield client.address
