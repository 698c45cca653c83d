"""Measures the CPU seconds of one suggestion after so many observations of Hartmann's function.

The process says what it used; walls would say what else ran on the machine. The observations are of
random points; what is missing to the best value before and after the suggestions is said as well.
"""

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from time import process_time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from environments import ROOT, NotInstalled, python_of  # noqa: E402  # reads the environment

HERE = Path(__file__).resolve().parent
SYSTEMS = ("engine.auto", "optuna_samplers.gp", "ax_client.default")


def main() -> None:
    """Measure every system in an environment of its own, one after another for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), metavar="MODULE.NAME")
    parser.add_argument("--sizes", nargs="+", type=int, default=[30, 100, 300, 1000])
    parser.add_argument("--asks", type=int, default=5)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(seconds(arguments.systems[0], arguments.sizes[0], arguments.asks)))
        return
    for size in arguments.sizes:
        for system in arguments.systems:
            found = _elsewhere(system, size, arguments.asks)
            shown = "failed"
            if found:
                shown = f"{1000 * median(found['seconds']):.4g} ms ({arguments.asks} asks)"
                shown += ", missing {:.3g} at first, {:.3g} in the end".format(*found["missing"])
            print(f"n = {size}: {system}: {shown}", flush=True)


def _elsewhere(system: str, size: int, asks: int) -> dict:
    try:
        python = python_of(system.partition(".")[0])
    except NotInstalled as error:
        print(error, file=sys.stderr)
        return {}
    command = [python, __file__, "--here", "--systems", system]
    done = subprocess.run(
        [*command, "--sizes", str(size), "--asks", str(asks)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/service:{ROOT}/python_client"},
    )
    found: dict = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return found


def seconds(name: str, size: int, asks: int) -> dict:
    """Return what each call took, in this process, but for the first, and what it led to."""
    import numpy as np  # noqa: PLC0415  # the threads are set above

    from problems import problems  # noqa: PLC0415

    problem = problems()["hartmann6"]
    module, _, maker = name.partition(".")
    system = getattr(import_module(f"systems.{module}"), maker)(problem, 0, 1)
    random = np.random.default_rng(0)
    values = []
    for row in random.random((size, 6)):
        point = {f"x{index}": float(unit) for index, unit in enumerate(row)}
        values.append(problem.measure(point, random))
        system.know(point, values[-1])
    taken = []
    for _ in range(asks + 1):
        began = process_time()
        handle, point = system.ask()
        taken.append(process_time() - began)
        values.append(problem.measure(point, random))
        system.tell(handle, point, values[-1])
    missing = [min(each["f"] for each in some) - problem.best for some in (values[:size], values)]
    return {"seconds": taken[1:], "missing": missing}


if __name__ == "__main__":
    main()
