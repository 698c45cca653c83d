"""Compares how good the points of several systems are, after equally many evaluations.

Every result is a line of JSON; what is there is not computed again, so that a run that was stopped
goes on where it was; what the time cut short is done anew when it has more. `report.py` makes the
table and the curves of it.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from time import monotonic

from environments import ROOT, NotInstalled, python_of

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build/benchmarks"
SYSTEMS = (
    "engine.auto",
    "service.fresh",
    "service.hasty",
    "ax_client.default",
    "optuna_samplers.gp",
    "optuna_samplers.tpe",
    "optuna_samplers.nsga2",
    "baselines.random",
    "baselines.sobol",
)
_QUICK = {
    "systems": ["engine.auto", "service.fresh", "optuna_samplers.gp", "optuna_samplers.tpe",
                "baselines.random"],
    "problems": ["branin", "hartmann6", "hartmann6_linear", "mixed", "gramacy", "branin_currin"],
    "seeds": 2,
    "minutes": 9.0,
    "budget": 25,
}  # fmt: skip
_START_SECONDS = 120.0


class Runner:
    """A process that runs the jobs of one system; what it complains of goes into `log`."""

    def __init__(self, module: str) -> None:
        self.log = BUILD / f"{module}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}/service:{ROOT}/python_client"}
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [python_of(module), HERE / "worker.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=HERE,
                env=environment,
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def run(self, job: dict) -> dict | None:
        """Return the result of a job; None when it failed or took too long."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        try:
            # The job looks at the time between evaluations, of which the last can be long.
            line = self._lines.get(timeout=2 * job["seconds"] + _START_SECONDS)
        except queue.Empty:
            return None
        result: dict | None = json.loads(line) if line else None
        return result

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.terminate()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


def main() -> None:
    """Run what is missing, within the time."""
    arguments = _arguments()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run(arguments)
    except KeyboardInterrupt:
        sys.exit("stopped; run it again to go on")


def _run(arguments: argparse.Namespace) -> None:
    deadline = monotonic() + 60.0 * arguments.minutes
    done = {
        _key(each)
        for each in read(arguments.output)
        if is_whole(each) or each["seconds"] >= arguments.job_seconds
    }
    if arguments.output.exists():
        # The last line may have been cut off.
        os.truncate(arguments.output, arguments.output.read_bytes().rfind(b"\n") + 1)
    runners: dict[str, Runner] = {}
    missing: set[str] = set()
    try:
        for job in _jobs(arguments):
            module = job["system"].partition(".")[0]
            left = deadline - monotonic()
            if left < 0:
                print("the time is over; run it again to go on", file=sys.stderr)
                return
            if _key(job) in done or module in missing:
                continue
            job["seconds"] = min(arguments.job_seconds, left)
            try:
                runner = runners.get(module) or runners.setdefault(module, Runner(module))
            except NotInstalled as error:
                print(error, file=sys.stderr)
                missing.add(module)
                continue
            result = runner.run(job)
            if result is None:
                print(f"failed, see {runner.log}: {json.dumps(job)}", file=sys.stderr)
                runners.pop(module).close()
                continue
            with arguments.output.open("a") as output:
                output.write(json.dumps({**job, **result}) + "\n")
            print(*_key(job), "missing", result["scores"][-1], file=sys.stderr)
    finally:
        for runner in runners.values():
            runner.close()


def read(path: Path) -> list[dict]:
    """Return the results that are there; a last line that was cut off is none."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def is_whole(result: dict) -> bool:
    """Say whether all evaluations were made before the time was over."""
    return len(result["scores"]) == result["budget"]


def _jobs(arguments: argparse.Namespace) -> Iterator[dict]:
    """Yield the jobs: every system and problem with one seed before the next seed."""
    from problems import problems  # noqa: PLC0415  # needs NumPy, which --help does not

    known = problems()
    names = arguments.problems or list(known)
    if unknown := set(names) - known.keys():
        sys.exit(f"unknown problems: {', '.join(unknown)}; there are {', '.join(known)}")
    there = {each.stem for each in (HERE / "systems").glob("[!_]*.py")}
    if others := {each.partition(".")[0] for each in arguments.systems} - there:
        sys.exit(f"unknown systems: {', '.join(others)}; modules are {', '.join(sorted(there))}")
    for workers, seed, name in product(arguments.workers, range(arguments.seeds), names):
        problem = known[name]
        budget = min(problem.budget, arguments.budget or problem.budget)
        for system in arguments.systems:
            if system.endswith("nsga2") and len(problem.objectives) == 1:
                continue
            yield {
                "system": system,
                "problem": name,
                "seed": arguments.first_seed + seed,
                "workers": workers,
                "budget": budget,
            }


def _key(job: dict) -> tuple[object, ...]:
    return tuple(job[name] for name in ("system", "problem", "seed", "workers", "budget"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than 10 minutes on two cores")
    parser.add_argument(
        "--systems",
        nargs="+",
        default=list(SYSTEMS),
        metavar="MODULE.NAME",
        help=f"{', '.join(SYSTEMS)} by default; others are in systems/",
    )
    parser.add_argument("--problems", nargs="+", help="all of them by default")
    parser.add_argument("--seeds", type=int, default=10, help="how many (10)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16], help="1 4 16")
    parser.add_argument("--budget", type=int, help="at most so many evaluations")
    parser.add_argument("--minutes", type=float, default=600.0, help="for everything (600)")
    parser.add_argument("--job-seconds", type=float, default=600.0, help="for one (600)")
    parser.add_argument(
        "--output",
        type=Path,
        default=BUILD / "quality.jsonl",
        help="JSON lines (build/benchmarks/quality.jsonl)",
    )
    arguments = parser.parse_args()
    if arguments.quick:
        vars(arguments).update(_QUICK, workers=[1])
        arguments.output = arguments.output.with_name("quick.jsonl")
    return arguments


if __name__ == "__main__":
    main()
