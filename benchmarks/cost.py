"""Measures the CPU seconds of one suggestion after so many observations of Hartmann's function.

The process says what it used; walls would say what else ran on the machine. The observations are of
random points; what is missing to the best value before and after the suggestions is said as well.
"""

import argparse
import sys
from contextlib import closing
from itertools import product
from statistics import median

from environments import NotInstalled
from quality import Runner

SYSTEMS = ("engine.auto", "optuna_samplers.gp", "ax_client.default")
_SECONDS = 3600.0
"""What a system may take at one size; Runner waits for twice as long."""


def main() -> None:
    """Measure every system in a process of its own, one after another for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--systems",
        nargs="+",
        default=list(SYSTEMS),
        metavar="MODULE.NAME",
        help=f"{', '.join(SYSTEMS)} by default",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=[30, 100, 300, 1000],
        help="after how many observations (30 100 300 1000)",
    )
    parser.add_argument("--asks", type=int, default=5, help="how many calls are timed (5)")
    arguments = parser.parse_args()
    for size, system in product(arguments.sizes, arguments.systems):
        print(f"n = {size}: {system}: {_found(system, size, arguments.asks)}", flush=True)


def _found(system: str, size: int, asks: int) -> str:
    job = {"system": system, "problem": "hartmann6", "seed": 0, "workers": 1}
    try:
        with closing(Runner(system.partition(".")[0])) as runner:
            found = runner.run({**job, "known": size, "asks": asks, "seconds": _SECONDS})
    except NotInstalled as error:
        print(error, file=sys.stderr)
        found = None
    if found is None:
        return "failed"
    shown = f"{1000 * median(found['seconds']):.4g} ms ({asks} asks)"
    return shown + ", missing {:.3g} at first, {:.3g} in the end".format(*found["missing"])


if __name__ == "__main__":
    main()
