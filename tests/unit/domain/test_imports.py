"""The domain is light: it needs the standard library only, and does nothing on import."""

import json
import subprocess
import sys
from pathlib import Path

import nextpoint_service.domain.errors

DOMAIN = Path(nextpoint_service.domain.errors.__file__).parent

LIST_IMPORTS = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(f"nextpoint_service.domain.{name}")
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_domain_imports_the_standard_library_only():
    modules = [path.stem for path in DOMAIN.glob("*.py") if path.stem != "__init__"]

    done = subprocess.run(
        [sys.executable, "-c", LIST_IMPORTS, *modules],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    loaded = json.loads(done.stdout)

    ours = {"nextpoint_service", "nextpoint_service.domain"}
    assert {f"nextpoint_service.domain.{name}" for name in modules} <= set(loaded)
    assert [
        name
        for name in loaded
        if name not in ours
        and not name.startswith("nextpoint_service.domain.")
        and name.split(".")[0] not in sys.stdlib_module_names
    ] == []


def test_the_domain_prints_nothing_on_import():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import nextpoint_service.domain.report"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert done.stdout + done.stderr == ""
