"""Makes environments, with pinned versions, for the systems that are not this project's."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".venv-benchmarks"
sys.path.insert(0, str(ROOT / "scripts"))
from find_uv import find_uv, pip_options  # noqa: E402  # a script's, beside the others

_OWN = ("engine", "service", "baselines")
_PINS = {
    "optuna_samplers": ("optuna==5.0.0", "torch==2.13.0", "scipy==1.17.1", "numpy==2.4.6"),
    "ax_client": ("ax-platform==1.3.1", "torch==2.13.0", "scipy==1.17.1", "numpy==2.4.6"),
    "vizier_designers": (
        "google-vizier[jax]==0.1.24",
        "jax==0.4.34",
        "jaxlib==0.4.34",
        "flax==0.10.0",
        "tfp-nightly==0.26.0.dev20241109",
        "numpy==1.26.4",
        "scipy==1.17.1",
    ),
    "hebo_optimizers": (
        "HEBO==0.3.6",
        "torch==2.13.0",
        "gpytorch==1.15.2",
        "pandas==2.3.3",
        "scipy==1.17.1",
        "scikit-learn==1.9.1",
    ),
}
# Used although a package forbids it: HEBO's bound on NumPy leaves it a GPy that does not build on
# Python 3.11, and the pymoo that it names has no compiled parts there.
_INSTEAD = {"hebo_optimizers": ("numpy==1.26.4", "pymoo==0.6.1.3")}


class NotInstalled(Exception):
    """The system cannot be had on this machine."""


def python_of(module: str) -> Path:
    """Return the interpreter for a system, made if need be, or raise NotInstalled."""
    if module in _OWN:
        return ROOT / ".venv/bin/python"
    place = PLACE / module
    python = place / "bin/python"
    stamp = place / "made-from"
    instead = _INSTEAD.get(module, ())
    wanted = "\n".join([*_PINS[module], *instead])
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"{module}: installing", file=sys.stderr)
    uv = find_uv()
    try:
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place])
        overrides = place / "instead.txt"
        overrides.write_text("\n".join(instead))
        _run(
            [uv, "pip", "install", "--quiet", "--python", python, *pip_options(),
             "--overrides", overrides, *_PINS[module]]
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{module}: {error.stderr.strip().splitlines()[-1:]}") from error
    stamp.write_text(wanted)
    return python


def _run(command: list[object]) -> None:
    subprocess.run([str(each) for each in command], check=True, stderr=subprocess.PIPE, text=True)
