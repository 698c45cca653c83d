"""Tunes a classifier of digits with a service and four workers, and kills the service once.

Run it with scripts/demo.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import digits
import nextpoint
import report
from processes import Broken, Service, start_worker, stop

BUDGET = 32
WORKERS = 4
KILL_AT = BUDGET // 2
LOOK_EVERY_SECONDS = 0.2
GIVE_UP_AFTER_SECONDS = 900
FOLDER = Path(__file__).resolve().parents[2] / "build/demo"


class Demo:
    """One run of the demo; `everything` ends what it started."""

    def __init__(self, console: Console, everything: ExitStack) -> None:
        self._console = console
        self._everything = everything
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self._log: TextIO = everything.enter_context((FOLDER / "log.txt").open("w"))
        self._service = Service(FOLDER / "nextpoint.sqlite3", self._log)

    def run(self) -> None:
        """Tell the whole story."""
        started = time.monotonic()
        self._everything.callback(self._service.stop)
        self._service.start()
        address = self._service.address
        self._console.print(f"The service listens on {address} and keeps everything in one file.")
        client = self._everything.enter_context(nextpoint.Client(address))
        experiment = client.create_experiment(
            name="Digits: accuracy and size of a network",
            parameters=digits.PARAMETERS,
            metrics=digits.METRICS,
            linear_constraints=digits.LINEAR_CONSTRAINTS,
            budget=BUDGET,
            parallel_bandwidth=WORKERS,
        )
        self._console.print(f"{WORKERS} workers wait on their streams for networks to train.")
        self._tune(experiment)
        points = self._verify(experiment)
        self._console.print(report.table(points))
        report.picture(points, FOLDER / "frontier.png")
        self._console.print(f"{BUDGET} networks trained in {time.monotonic() - started:.0f} s.")
        self._console.print(f"The picture: {FOLDER / 'frontier.png'}", soft_wrap=True)

    def _tune(self, experiment: nextpoint.Experiment) -> None:
        workers = [self._start_worker(experiment.id, number) for number in range(1, WORKERS + 1)]
        give_up_at = time.monotonic() + GIVE_UP_AFTER_SECONDS
        killed = False
        with _progress(self._console) as progress:
            task = progress.add_task("", total=BUDGET, detail="")
            while any(worker.poll() is None for worker in workers):
                receipts = self._receipts()
                progress.update(task, completed=len(receipts), detail=_detail(receipts))
                if not killed and len(receipts) >= KILL_AT:
                    killed = True
                    self._survive_a_kill(experiment)
                self._service.check()
                if any(worker.poll() for worker in workers):
                    raise Broken("a worker failed")
                if time.monotonic() > give_up_at:
                    raise Broken(f"it takes more than {GIVE_UP_AFTER_SECONDS} s")
                time.sleep(LOOK_EVERY_SECONDS)
            receipts = self._receipts()
            progress.update(task, completed=len(receipts), detail=_detail(receipts))
        if not killed or any(worker.returncode for worker in workers):
            raise Broken("the workers ended too early")

    def _survive_a_kill(self, experiment: nextpoint.Experiment) -> None:
        self._console.print("[yellow]Killing the service with SIGKILL, while workers train.[/]")
        killed = time.monotonic()
        self._service.kill()
        # The service is dead, so whatever is here was acknowledged before.
        before = {receipt["observation_id"] for receipt in self._receipts()}
        self._service.start()
        after = {observation.id for observation in experiment.get_observations()}
        lost = before - after
        if lost:
            raise Broken(f"{len(lost)} of {len(before)} acknowledged observations are lost")
        self._console.print(
            f"[green]survived SIGKILL: {len(before)} observations acknowledged before,"
            f" {len(before & after)} of them there after; back in"
            f" {time.monotonic() - killed:.1f} s.[/]",
            soft_wrap=True,
        )

    def _verify(self, experiment: nextpoint.Experiment) -> list[report.Point]:
        """Return all points, or raise Broken when anything is not as promised."""
        receipts = self._receipts()
        by_model = {
            receipt["observation_id"] for receipt in receipts if receipt["generator"] == "model"
        }
        observations = list(experiment.get_observations())
        best = [dict(each.assignments) for each in experiment.best_assignments()]
        promises = {
            f"{BUDGET} observations": len(observations) == BUDGET,
            "every acknowledged observation there, and no other": (
                {each.id for each in observations} == {each["observation_id"] for each in receipts}
            ),
            "every suggestion observed once": (
                len({each.suggestion_id for each in observations}) == len(observations)
            ),
            "the constraint satisfied by every suggestion": all(
                digits.narrows(each.assignments) for each in observations
            ),
            "suggestions made by the model": bool(by_model),
            "a Pareto frontier": bool(best),
        }
        for promise, kept in promises.items():
            if not kept:
                raise Broken(f"promised and not kept: {promise}")
        return [
            report.Point(each, each.id in by_model, dict(each.assignments) in best)
            for each in observations
        ]

    def _start_worker(self, experiment_id: str, number: int) -> subprocess.Popen[str]:
        worker = start_worker(
            address=self._service.address,
            experiment_id=experiment_id,
            worker_id=f"worker-{number}",
            receipts=FOLDER / f"receipts-{number}.jsonl",
            log=self._log,
        )
        self._everything.callback(stop, worker)
        return worker

    def _receipts(self) -> list[dict[str, str]]:
        """Return what the workers wrote down as acknowledged."""
        return [
            json.loads(line)
            for path in FOLDER.glob("receipts-*.jsonl")
            for line in path.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("tuning"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
        console=console,
    )


def _detail(receipts: list[dict[str, str]]) -> str:
    by_model = sum(receipt["generator"] == "model" for receipt in receipts)
    return f"{len(receipts) - by_model} space-filling, {by_model} by the model"


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; return 1 when something is not as promised."""
    signal.signal(signal.SIGTERM, _terminated)
    console = Console()
    try:
        with ExitStack() as everything:
            Demo(console, everything).run()
    except Broken as broken:
        console.print(f"[red]broken: {broken}[/]; see {FOLDER / 'log.txt'}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; everything is stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
