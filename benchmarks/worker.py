"""Runs systems on problems in their own environment: a job a line in, a result a line out."""

import heapq
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter, process_time, sleep
from typing import Any

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
    """Evaluate as often as the job says, with as many workers, and say how it went."""
    system = _system(problem, job)
    cpu = _cpu_seconds(system)
    evaluate = _in_real_time if getattr(system, "evaluation_seconds", 0.0) else _in_turn
    seen = evaluate(system, problem, job)
    points, measured = [each[0] for each in seen.outcomes], [each[1] for each in seen.outcomes]
    return {
        "scores": [float(f"{each:.8g}") for each in problem.scores(points, measured)],
        "cpu": (_cpu_seconds(system) - cpu) / len(seen.walls),
        "walls": [float(f"{each:.4g}") for each in seen.walls],
    }


@dataclass
class _Seen:
    """The outcomes, about in the order in which they were told, and the seconds of each call."""

    outcomes: list[tuple[Point, Values | None]] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)


def _in_turn(system: Any, problem: Problem, job: dict) -> _Seen:  # noqa: ANN401  # any module's
    """Let workers take unequal times, the same for every system; nothing waits for them."""
    durations = _durations(job)
    at_work: list[tuple[float, int, object, Point]] = []
    seen = _Seen()
    now = 0.0
    until = perf_counter() + job["seconds"]
    while len(seen.outcomes) < job["budget"] and perf_counter() < until:
        while len(at_work) < min(job["workers"], job["budget"] - len(seen.outcomes)):
            number = len(seen.walls)
            asked = perf_counter()
            handle, point = system.ask()
            seen.walls.append(perf_counter() - asked)
            heapq.heappush(at_work, (now + durations[number], number, handle, point))
        now, number, handle, point = heapq.heappop(at_work)
        seen.outcomes.append((point, _measured(problem, job, point, number)))
        system.tell(handle, *seen.outcomes[-1])
    return seen


def _in_real_time(system: Any, problem: Problem, job: dict) -> _Seen:  # noqa: ANN401
    """Let workers, each on a thread, sleep as long as they evaluate."""
    durations = _durations(job)
    numbers = iter(range(job["budget"]))
    seen = _Seen()
    until = perf_counter() + job["seconds"]

    def work() -> None:
        # One after the other: iterators and lists are safe to share between threads.
        for number in numbers:
            asked = perf_counter()
            handle, point = system.ask()
            seen.walls.append(perf_counter() - asked)
            sleep(system.evaluation_seconds * durations[number])
            outcome = point, _measured(problem, job, point, number)
            system.tell(handle, *outcome)
            seen.outcomes.append(outcome)
            if perf_counter() > until:
                return

    with ThreadPoolExecutor(job["workers"]) as workers:
        for each in [workers.submit(work) for _ in range(job["workers"])]:
            each.result()
    return seen


def _durations(job: dict) -> list[float]:
    """Return how long evaluations take, 1 on average, in the order in which they are asked for."""
    random = np.random.default_rng((job["seed"], 1))
    return [float(each) for each in 0.5 + random.random(job["budget"])]


def _measured(problem: Problem, job: dict, point: Point, number: int) -> Values | None:
    return problem.measure(point, np.random.default_rng((job["seed"], 2, number + 1)))


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
