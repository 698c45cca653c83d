"""One service for all languages, and their packages, built."""

import subprocess

import pytest
from tests.support.deployments import ServiceProcess

LANGUAGES = ("go", "typescript", "java", "cpp", "rust")


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    # With the real optimizer, because one of the refusals is an infeasible constraint.
    database = tmp_path_factory.mktemp("languages") / "nextpoint.sqlite3"
    with ServiceProcess(database, scripted=False) as process:
        yield process


@pytest.fixture(scope="session")
def packages(root):
    """Every language's package, built; what is missing is said of all languages at once."""
    failures = []
    for language in LANGUAGES:
        done = subprocess.run(
            [root / "stubs" / language / "build"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            failures.append(f"{language}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    assert not failures, "\n".join(failures)
    return root / "stubs"
