"""Finds uv, which makes the environments of the scripts."""

import shutil
import subprocess
import sys
from pathlib import Path

UV = "uv==0.13.8"
OWN = Path(__file__).resolve().parent.parent / ".venv-uv"


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
