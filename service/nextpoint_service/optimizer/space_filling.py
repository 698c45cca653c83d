"""Makes points that need no model: spread evenly, or uniform at random."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from time import monotonic

import numpy as np

from nextpoint_service.application.optimizer_port import Phase, Problem
from nextpoint_service.domain.assignments import Value
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance
from nextpoint_service.optimizer.axes import Key, key, nth, size
from nextpoint_service.optimizer.branches import rested
from nextpoint_service.optimizer.feasibility import SECONDS, any_point
from nextpoint_service.optimizer.repair import Missing
from nextpoint_service.optimizer.sequence import Made, sequence

_SKIPPED = 512
"""How many known points of a sequence to pass over."""
_SKIPPED_CONSTRAINED = 64
"""The same where a point can cost a mixed-integer program."""
_LISTED = 2**16
"""The largest space whose points are listed when its sequence brings only known ones."""
_LEAST = "least tried"
_REPEATED = "every point that was found had been tried before"


class NoFeasiblePoint(Exception):
    """No point was found that satisfies the linear constraints."""


def propose(problem: Problem, *, seconds: float = SECONDS) -> list[Proposal]:
    """Return points that continue the experiment's sequence at its index.

    They are `problem.count`, or those that were found before the time was over, and at least one.
    Random points regard nothing but the space. Of others, those that are observed or pending are
    passed over. Where there are no more, those that were tried least often come again, with that
    as the reason, and those that failed only where every one did. Raises NoFeasiblePoint where
    neither the sequence brings a point, nor any is known, nor one is found by the search that
    admitted the experiment, which has as long as it had then, on top of `seconds`.
    """
    found = _found(problem, monotonic() + seconds)
    if problem.phase is Phase.RANDOM:
        return _random(problem, found)
    tried = _tried(problem)
    new: list[Made] = []
    passed: list[Made] = []
    for made in found:
        if tried.times[key(made.point)]:
            passed.append(made)
        else:
            tried.times[key(made.point)] += 1
            new.append(made)
        if len(new) == problem.count:
            break
    proposals = [_proposal(problem, made) for made in new]
    if missing := problem.count - len(new):
        known = _known(problem, [*passed, *new]) or [_any(problem)]
        proposals.extend(islice(_least_tried(problem, tried, known), missing))
    return proposals


@dataclass(frozen=True, slots=True)
class _Tried:
    """How often each point was tried, and which of them ever failed."""

    times: Counter[Key]
    failed: frozenset[Key]


def _tried(problem: Problem) -> _Tried:
    times = Counter(key(each.assignments) for each in problem.observations)
    times.update(key(each) for each in problem.pending)
    failed = (key(each.assignments) for each in problem.observations if each.failed)
    return _Tried(times, frozenset(failed))


def _found(problem: Problem, until: float) -> Iterator[Made]:
    """Yield feasible points of the sequence; one comes even after the time, if it costs nothing."""
    constrained = bool(problem.experiment.space.constraints)
    skipped = _SKIPPED_CONSTRAINED if constrained else _SKIPPED
    for made in islice(sequence(problem, until=until), problem.count + skipped):
        if made is not None:
            yield made
            if constrained and monotonic() > until:
                return


def _random(problem: Problem, found: Iterator[Made]) -> list[Proposal]:
    points = list(islice(found, problem.count))
    return [_proposal(problem, made) for made in points or [_any(problem)]]


def _any(problem: Problem) -> Made:
    point = any_point(problem.experiment.space, monotonic() + SECONDS)
    if isinstance(point, Missing):
        raise NoFeasiblePoint(problem.experiment.experiment_id)
    return Made(point, "any feasible point")


def _known(problem: Problem, made: Sequence[Made]) -> list[Made]:
    """Return every point of the space if it can be listed, else those that were ever seen."""
    space = problem.experiment.space
    if listed := _listed(space):
        return [Made(point, _LEAST) for point in listed]
    before = [*(each.assignments for each in problem.observations), *problem.pending]
    points = [*(each.point for each in made), *(each for each in before if space.contains(each))]
    return [Made(dict(each), _LEAST) for each in {key(each): each for each in points}.values()]


def _least_tried(problem: Problem, tried: _Tried, known: Sequence[Made]) -> Iterator[Proposal]:
    """Yield known points without end: those that never failed, of these the least often tried.

    Equals come in random order.
    """
    order = np.random.default_rng((problem.seed, 2, problem.index)).random(len(known))
    keys = [key(each.point) for each in known]
    usable = np.array([each not in tried.failed for each in keys])
    counts = np.where(usable | ~usable.any(), order + [tried.times[each] for each in keys], np.inf)
    while True:
        least = int(counts.argmin())
        repeated = bool(counts[least] >= 1)
        counts[least] += 1
        yield _proposal(problem, known[least], _REPEATED if repeated else "")


def _listed(space: SearchSpace) -> list[dict[str, Value]]:
    """Return every point of a small discrete space; nothing of any other."""
    sizes = [size(each) for each in space.parameters]
    countable = [each for each in sizes if each is not None]
    if len(countable) < len(sizes) or prod(countable) > _LISTED:
        return []
    columns = [
        [nth(parameter, index) for index in range(length)]
        for parameter, length in zip(space.parameters, countable, strict=True)
    ]
    names = [each.name for each in space.parameters]
    cells = (rested(space, dict(zip(names, values, strict=True))) for values in product(*columns))
    different = {key(point): point for point in cells}.values()
    return [point for point in different if not space.constraints or space.contains(point)]


def _proposal(problem: Problem, made: Made, reason: str = "") -> Proposal:
    random = problem.phase is Phase.RANDOM
    return Proposal(
        made.point,
        Provenance(
            generator=Generator.RANDOM if random else Generator.SPACE_FILLING,
            method=made.method,
            seed=problem.seed,
            observation_count=len(problem.observations),
            pending_count=len(problem.pending),
            fallback_reason="; ".join(each for each in (problem.fallback_reason, reason) if each),
        ),
    )
