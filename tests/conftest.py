"""What all tests share: the switch for those that need other languages' toolchains."""

import os

import pytest
from hypothesis import settings

# Read when NumPy is loaded. As in a model process; threads of many tests only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A machine that stands still for a second is no fault of what is tested.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_addoption(parser):
    parser.addoption(
        "--languages",
        action="store_true",
        help="also build the packages of the other languages and run their workers",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--languages"):
        return
    left_out = [item for item in items if item.get_closest_marker("languages")]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def root(pytestconfig):
    return pytestconfig.rootpath
