"""Workers whose evaluations are sleeps, and what they saw."""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

import nextpoint
from nextpoint import aio

Seconds = Callable[[], float]
"""How long the next evaluation takes."""

SKIPPED = 3
"""How many suggestions of each worker are left out, because they find the model cold."""
_FOREVER = 3600.0
_GIVE_BACK_SECONDS = 30.0
_LARGEST_BATCH = 2500


@dataclass(eq=False)
class Seen:
    """What workers saw of each suggestion but the first ones of each.

    `call` is how long the call for it took, `gap` how long the worker had none after it began to
    report; with a stream there is no call. `age` is how many outcomes it did not know.
    """

    call: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    age: list[int] = field(default_factory=list)
    generator: list[str] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)

    def add(self, suggestion: aio.Suggestion, known: int) -> None:
        """Note a suggestion that came when so many outcomes had been reported."""
        provenance = suggestion.provenance
        self.age.append(max(0, known - provenance.observation_count))
        self.generator.append(provenance.generator)
        self.reason.append(provenance.fallback_reason)


class Load:
    """An experiment with observations, and workers on it."""

    def __init__(self, experiment: aio.Experiment, known: int) -> None:
        self._experiment = experiment
        self._known = known

    @classmethod
    async def create(
        cls, client: aio.Client, dimensions: int, observations: int, **settings: object
    ) -> "Load":
        """Make an experiment of so many dimensions that has so many observations.

        `settings` are further arguments of it.
        """
        names = [f"x{index}" for index in range(dimensions)]
        experiment = await client.create_experiment(
            name="load",
            parameters=[nextpoint.Double(name, 0.0, 1.0) for name in names],
            metrics=[nextpoint.Metric("loss", objective="minimize")],
            **settings,
        )
        draw = random.Random(observations)  # noqa: S311
        points = [{name: draw.random() for name in names} for _ in range(observations)]
        for start in range(0, observations, _LARGEST_BATCH):
            await experiment.create_observations(
                [
                    {"assignments": point, "values": {"loss": loss(point)}}
                    for point in points[start : start + _LARGEST_BATCH]
                ]
            )
        return cls(experiment, observations)

    async def fresh(self) -> tuple[float, str]:
        """Return how many seconds a point takes that knows everything, and who made it."""
        began = perf_counter()
        suggestion = await self._experiment.create_suggestion(max_wait=_FOREVER)
        seconds = perf_counter() - began
        await self._report(suggestion)
        return seconds, suggestion.provenance.generator

    async def calling(
        self,
        seen: Seen,
        evaluation: Seconds,
        *,
        asks: int | None = None,
        max_wait: float | None = None,
    ) -> None:
        """Work by calls: ask, sleep, report; so often, or until it is cancelled.

        Who waits when it is cancelled has waited as long as it did.
        """
        reported = asked = 0.0
        for number in count():
            got = None
            try:
                asked = perf_counter()
                suggestion = await self._experiment.create_suggestion(max_wait=max_wait)
                got = perf_counter()
            finally:
                if number >= SKIPPED or (number and got is None):
                    seen.call.append((got or perf_counter()) - asked)
                    seen.gap.append((got or perf_counter()) - reported)
            if number >= SKIPPED:
                seen.add(suggestion, self._known)
            if number + 1 == asks:
                return
            await asyncio.sleep(evaluation())
            reported = perf_counter()
            await self._report(suggestion)

    async def streaming(
        self,
        seen: Seen,
        evaluation: Seconds,
        *,
        asks: int | None = None,
        max_wait: float | None = None,
        skipped: int = SKIPPED,
    ) -> None:
        """Work on a stream: take, sleep, report; so often, or until it is cancelled.

        Who has none when it is cancelled has waited as long as it did.
        """
        reported: float | None = None
        number = 0
        async with aclosing(self._experiment.suggestions(max_wait=max_wait)) as suggestions:
            try:
                async for suggestion in suggestions:
                    if number >= skipped and reported is not None:
                        seen.gap.append(perf_counter() - reported)
                        seen.add(suggestion, self._known)
                    reported = None
                    number += 1
                    if number == asks:
                        return
                    await asyncio.sleep(evaluation())
                    reported = perf_counter()
                    await self._report(suggestion)
            finally:
                if reported is not None:
                    seen.gap.append(perf_counter() - reported)

    async def _report(self, suggestion: aio.Suggestion) -> None:
        values = {"loss": loss(suggestion.assignments)}
        await self._experiment.create_observation(suggestion=suggestion, values=values)
        self._known += 1


def always(seconds: float) -> Seconds:
    """Return evaluations that all take so long."""
    return lambda: seconds


def about(seconds: float) -> Seconds:
    """Return evaluations that take so long on average, and up to half as much less or more.

    Workers share it: two of them would draw the same.
    """
    draw = random.Random(0)  # noqa: S311
    return lambda: seconds * draw.uniform(0.5, 1.5)


def loss(point: dict[str, float]) -> float:
    """Return a smooth function with several valleys."""
    return sum((x - 0.3) ** 2 + 0.1 * math.sin(9.0 * x) for x in point.values())


async def together(workers: Iterable[Coroutine[None, None, None]], seconds: float) -> None:
    """Let workers work at the same time, and cut off those who would go on."""
    tasks = [asyncio.ensure_future(each) for each in workers]
    done, going_on = await asyncio.wait(tasks, timeout=seconds)
    for task in going_on:
        task.cancel()
    if going_on:
        await asyncio.wait(going_on, timeout=_GIVE_BACK_SECONDS)
    for task in done:
        task.result()
