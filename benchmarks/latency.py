"""Measures how long workers wait for their next suggestion, and what that costs the machine.

It starts a service, loads experiments with observations, and has workers ask whose evaluations are
sleeps, so that the processors are left to the service. Everything is seen from the Python client,
in the same process for all workers. The first suggestions of every worker, which find the models
cold, are left out.
"""

import argparse
import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter

from psutil import Process

from load import Load, Seconds, Seen, about, always, together
from nextpoint import aio
from processes import (
    ServiceProcess,
    bare_ax_megabytes,
    below,
    cpu_seconds,
    model_processes,
    shared_megabytes,
)

OUTPUT = Path(__file__).resolve().parent.parent / "build/benchmarks/latency.json"
_FIRST_MODEL_SECONDS = 120.0
_TRIES = 10
"""How often a point of Ax is asked for; while it loads each may be one without a model."""

Row = dict[str, object]


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    evaluations: tuple[float, ...]
    """How long evaluations take, in seconds."""
    rounds: int
    asks: int
    """How often each worker asks in a round."""
    fleet: int
    """How many experiments with four workers each."""
    fleet_evaluations: tuple[float, ...]
    """How long their evaluations take, in seconds on average."""
    seconds: float
    """How long one thing is measured at most."""
    large: tuple[tuple[int, int], ...]
    """Dimensions and observations."""


QUICK = Sizes((0.1,), 1, 40, 50, (5.0,), 8.0, ((6, 2000), (20, 300)))
FULL = Sizes(
    (0.1, 1.0), 3, 40, 200, (30.0, 10.0), 20.0, ((6, 2000), (6, 10_000), (20, 300), (60, 300))
)


async def calls(client: aio.Client, sizes: Sizes, _: ServiceProcess) -> AsyncIterator[Row]:
    """Measure the call and the stream at 300 observations, alone and with 16 workers.

    Workers whose evaluations all take equally long call in lock-step; the others do not.
    """
    teams = ((1, "", always), (16, "", always), (16, "about ", about))
    kinds = (
        ("calling", Load.calling, None),
        ("at once", Load.calling, 0.0),
        ("streaming", Load.streaming, None),
        ("streaming at once", Load.streaming, 0.0),
    )
    for evaluation, team, (kind, work, max_wait) in product(sizes.evaluations, teams, kinds):
        workers, word, taking = team
        seen = Seen()
        taken = taking(evaluation)
        for _ in range(sizes.rounds):
            load = await Load.create(client, 6, 300)
            asks = sizes.asks if workers == 1 else sizes.asks // 3
            await together(
                [work(load, seen, taken, asks=asks, max_wait=max_wait) for _ in range(workers)],
                sizes.seconds,
            )
        name = f"{kind}, {workers} workers, {word}{evaluation:g} s"
        yield {"part": "calls", "what": name, **_summary(seen)}


async def fleet(client: aio.Client, sizes: Sizes, service: ServiceProcess) -> AsyncIterator[Row]:
    """Measure many experiments with four workers each, and the memory that they need."""
    draw = random.Random(0)  # noqa: S311
    loads = [await Load.create(client, 6, 30) for _ in range(sizes.fleet)]
    for mean in sizes.fleet_evaluations:
        seen = Seen()
        taken = about(mean)
        # Not all at once, as no fleet is.
        work = [_later(mean * draw.random(), load, seen, taken) for load in loads for _ in range(4)]
        began, cpu = perf_counter(), _cpu(service)
        await together(work, 4.0 * mean)
        cores = (_cpu(service) - cpu) / (perf_counter() - began)
        name = f"{sizes.fleet} experiments x 4 workers, {mean:g} s"
        yield {"part": "fleet", "what": name, **_summary(seen), "cores": round(cores, 2)}
    light = model_processes(service.pid)
    load = await Load.create(client, 6, 30, engine="ax")
    for _ in range(_TRIES):
        if (await load.fresh())[1] == "model":
            break
    server = Process(service.pid).memory_full_info()
    bare = bare_ax_megabytes()
    # Ax's processes begin when they are needed.
    by_ax = [each for each in model_processes(service.pid) if each not in light]
    memory = {
        "what": f"after {sizes.fleet} experiments",
        "server_rss_mb": round(server.rss / 1e6),
        "server_pss_mb": round(server.pss / 1e6),
        "bare_ax_pss_mb": round(bare),
        "light_models_pss_mb": _sizes(light),
        "models_of_ax_pss_mb": _sizes(by_ax),
    }
    yield {"part": "memory", **memory}


def _sizes(processes: list[Process]) -> str:
    return ", ".join(f"{shared_megabytes(each):.0f}" for each in processes)


async def _later(seconds: float, load: Load, seen: Seen, evaluation: Seconds) -> None:
    await asyncio.sleep(seconds)
    await load.streaming(seen, evaluation, skipped=1)


async def instant(client: aio.Client, sizes: Sizes, _: ServiceProcess) -> AsyncIterator[Row]:
    """Measure evaluations that take no time at all."""
    for workers in (1, 16):
        load = await Load.create(client, 6, 30)
        seen = Seen()
        work = [load.calling(seen, always(0.0)) for _ in range(workers)]
        await together(work, sizes.seconds)
        rate = len(seen.call) / sizes.seconds
        name = f"calling, {workers} workers, 0 s"
        yield {"part": "instant", "what": name, **_summary(seen), "per_s": round(rate)}


async def large(client: aio.Client, sizes: Sizes, _: ServiceProcess) -> AsyncIterator[Row]:
    """Measure many observations, and many parameters."""
    for dimensions, observations in sizes.large:
        load = await Load.create(client, dimensions, observations)
        fresh = [await load.fresh() for _ in range(3)]
        seen = Seen()
        await together([load.calling(seen, always(0.1), asks=sizes.asks)], sizes.seconds)
        name = f"calling, 1 worker, 0.1 s, {dimensions} parameters, {observations} observations"
        seconds = round(median(each for each, _ in fresh), 4)
        yield {"part": "large", "what": name, **_summary(seen), "fresh_s": seconds}


Part = Callable[[aio.Client, Sizes, ServiceProcess], AsyncIterator[Row]]
_PARTS: dict[str, Part] = {"calls": calls, "fleet": fleet, "instant": instant, "large": large}


def main() -> None:
    """Measure, print a table, write JSON."""
    arguments = _arguments()
    rows = asyncio.run(_measure(arguments))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    report = {"quick": arguments.quick, "cores": os.cpu_count(), "load": load, "rows": rows}
    arguments.output.write_text(json.dumps(report, indent=1))
    print("\n".join(table(rows)))


async def _measure(arguments: argparse.Namespace) -> list[Row]:
    """Return what each part finds with a service of its own."""
    rows = []
    for name in arguments.parts:
        with ServiceProcess(*arguments.flags) as service:
            async with aio.Client(service.address) as client:
                await _until_models_answer(client)
                async for row in _PARTS[name](client, QUICK if arguments.quick else FULL, service):
                    print("  ".join(f"{key}={_text(value)}" for key, value in row.items()))
                    rows.append(row)
    return rows


async def _until_models_answer(client: aio.Client) -> None:
    load = await Load.create(client, 2, 20)
    until = monotonic() + _FIRST_MODEL_SECONDS
    while (await load.fresh())[1] != "model":
        if monotonic() > until:
            raise TimeoutError("the service has no model")


def _cpu(service: ServiceProcess) -> float:
    """Return the processor time of the server and of all that it started."""
    return sum(cpu_seconds(each) for each in [Process(service.pid), *below(service.pid)])


def _summary(seen: Seen) -> Row:
    generators = Counter(seen.generator)
    count = sum(generators.values())
    row: Row = {"suggestions": count}
    if not count:
        return {**row, "note": "the time was over before one counted"}
    for name in ("call", "gap"):
        if times := sorted(getattr(seen, name)):
            for share in (50, 90, 99, 100):
                index = max(0, ceil(len(times) * share / 100) - 1)
                row[f"{name}_p{share}_ms"] = round(1e3 * times[index], 1)
    row["model_share"] = round(generators["model"] / count, 3)
    row["age_mean"] = round(sum(seen.age) / count, 2)
    row["reasons"] = dict(Counter(each for each in seen.reason if each).most_common(3))
    return row


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown for each part."""
    for part in dict.fromkeys(row["part"] for row in rows):
        own = [row for row in rows if row["part"] == part]
        columns = [name for name in {key: None for row in own for key in row} if name != "part"]
        yield f"\n### {part}\n"
        yield "| " + " | ".join(columns) + " |"
        yield "|" + "---|" * len(columns)
        for row in own:
            yield "| " + " | ".join(_text(row.get(name, "")) for name in columns) + " |"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{count} x {reason}" for reason, count in value.items())
    return str(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than 3 minutes on two cores")
    parser.add_argument(
        "--parts", nargs="+", choices=_PARTS, default=list(_PARTS), help="all of them by default"
    )
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, help="JSON (build/benchmarks/latency.json)"
    )
    parser.add_argument("flags", nargs="*", help="of the service, after --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
