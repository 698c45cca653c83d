"""Runs systems on problems in their own environment: a job a line in, a result a line out."""

import heapq
import json
import os
import sys
from importlib import import_module
from time import perf_counter, process_time, sleep

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402  # reads the number of threads

from problems import Point, Problem, Values, problems  # noqa: E402


def main() -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    # What systems print would not be a result.
    os.dup2(2, 1)
    there = problems()
    for line in sys.stdin:
        job = json.loads(line)
        work = cost if "known" in job else run
        result = work(there[job["problem"]], job)
        answers.write(json.dumps(result) + "\n")
        answers.flush()


def run(problem: Problem, job: dict) -> dict:
    """Evaluate as often as the job says, with as many workers, and say how it went.

    Workers take unequal times, the same for every system; nothing waits for them, but with a system
    that has `evaluation_seconds`, where an evaluation takes so many on average.
    """
    durations = np.random.default_rng((job["seed"], 1))
    system = _system(problem, job)
    evaluation_seconds = getattr(system, "evaluation_seconds", 0.0)
    at_work: list[tuple[float, int, object, Point]] = []
    points: list[Point] = []
    measured: list[Values | None] = []
    walls: list[float] = []
    now = 0.0
    cpu = _cpu_seconds(system)
    began = perf_counter()
    for index in range(job["budget"]):
        while len(at_work) < min(job["workers"], job["budget"] - index):
            asked = perf_counter()
            handle, point = system.ask()
            walls.append(perf_counter() - asked)
            duration = 0.5 + float(durations.random())
            if evaluation_seconds:
                now = (perf_counter() - began) / evaluation_seconds
            heapq.heappush(at_work, (now + duration, len(walls), handle, point))
        now, number, handle, point = heapq.heappop(at_work)
        sleep(max(0.0, began + evaluation_seconds * now - perf_counter()))
        random = np.random.default_rng((job["seed"], 2, number))
        points.append(point)
        measured.append(problem.measure(point, random))
        system.tell(handle, point, measured[-1])
        if perf_counter() - began > job["seconds"]:
            break
    return {
        "scores": [float(f"{each:.8g}") for each in problem.scores(points, measured)],
        "cpu": (_cpu_seconds(system) - cpu) / len(walls),
        "walls": [float(f"{each:.4g}") for each in walls],
    }


def cost(problem: Problem, job: dict) -> dict:
    """Return the CPU seconds of each call but the first, and what is missing before and after.

    The system knows as many random points as the job says before it is asked.
    """
    system = _system(problem, job)
    random = np.random.default_rng(job["seed"])
    values = []
    for row in random.random((job["known"], len(problem.parameters))):
        point = {each.name: float(unit) for each, unit in zip(problem.parameters, row, strict=True)}
        values.append(problem.measure(point, random))
        system.know(point, values[-1])
    taken = []
    for _ in range(job["asks"] + 1):
        began = process_time()
        handle, point = system.ask()
        taken.append(process_time() - began)
        values.append(problem.measure(point, random))
        system.tell(handle, point, values[-1])
    some = (values[: job["known"]], values)
    missing = [min(each["f"] for each in those) - problem.best for those in some]
    return {"seconds": taken[1:], "missing": missing}


def _system(problem: Problem, job: dict):
    module, _, name = job["system"].partition(".")
    make = getattr(import_module(f"systems.{module}"), name)
    return make(problem, job["seed"], job["workers"])


def _cpu_seconds(system: object) -> float:
    others = getattr(system, "cpu_seconds", None)
    return process_time() + (others() if others else 0.0)


if __name__ == "__main__":
    main()
