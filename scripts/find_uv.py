"""Finds uv, which makes the environments of the scripts, and what pip's variables tell it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

UV = "uv==0.13.8"
OWN = Path(__file__).resolve().parent.parent / ".venv-uv"
# uv does not read pip's variables, where a CPU build of torch or an index of the user's may be.
PIP_VARIABLES = {
    "PIP_FIND_LINKS": "--find-links",
    "PIP_INDEX_URL": "--default-index",
    "PIP_EXTRA_INDEX_URL": "--index",
}


def find_uv() -> str:
    """Return the user's own uv, or else one fetched into an environment beside the project's."""
    if found := shutil.which("uv"):
        return found
    uv = OWN / "bin/uv"
    if not uv.exists():
        print("setup: fetching uv", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", OWN], check=True)
        subprocess.run([OWN / "bin/python", "-m", "pip", "install", "--quiet", UV], check=True)
    return str(uv)


def pip_options() -> list[str]:
    """Return what pip's own variables say, in uv's words; the best version wins, as with pip."""
    places = [
        f"{option}={place}"
        for variable, option in PIP_VARIABLES.items()
        for place in os.environ.get(variable, "").split()
    ]
    return [*places, "--index-strategy=unsafe-best-match"] if places else []
