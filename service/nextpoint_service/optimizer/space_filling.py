"""Makes points that need no model: spread evenly, or uniform at random."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod

import numpy as np

from nextpoint_service.application.ports import Phase, Problem
from nextpoint_service.domain.search_space import Assignments, SearchSpace, Value
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance
from nextpoint_service.optimizer.axes import Key, key, nth, size
from nextpoint_service.optimizer.sequence import Made, sequence

_SKIPPED = 512
"""How many known points of a sequence to pass over."""
_SKIPPED_CONSTRAINED = 64
"""The same where a point can cost a mixed-integer program."""
_LISTED = 2**16
"""The largest space whose points are listed when its sequence brings only known ones."""
_REPEATED = "every point that was found had been tried before"


class NoFeasiblePoint(Exception):
    """No point was found that satisfies the linear constraints."""


def propose(problem: Problem) -> list[Proposal]:
    """Return `problem.count` points that continue the experiment's sequence at its index.

    Points that are observed or pending are passed over. Where there are no others, those that
    were tried least often come again, with that as the reason. Raises NoFeasiblePoint.
    """
    space = problem.experiment.space
    tried = Counter(key(each.assignments) for each in problem.observations)
    tried.update(key(each) for each in problem.pending)
    skipped = _SKIPPED_CONSTRAINED if space.constraints else _SKIPPED
    new: list[Proposal] = []
    passed: list[Made] = []
    for made in islice(sequence(problem), problem.count + skipped):
        if len(new) == problem.count:
            break
        if made is not None and tried[key(made.point)]:
            passed.append(made)
        elif made is not None:
            tried[key(made.point)] += 1
            new.append(_proposal(problem, made))
    if missing := problem.count - len(new):
        known = [*(made.point for made in passed), *(each.assignments for each in new)]
        new.extend(islice(_least_tried(problem, tried, known), missing))
    return new


def warm_up() -> None:
    """Make the first points of a constrained experiment as quick as the later ones."""
    import scipy.optimize  # noqa: F401, PLC0415  # takes half a second


def _least_tried(
    problem: Problem, tried: Counter[Key], known: Sequence[Assignments]
) -> Iterator[Proposal]:
    """Yield the points that were tried least often, without end, in random order among equals.

    They are those of the whole space where it can be listed, else those that are known.
    """
    space = problem.experiment.space
    before = [*(each.assignments for each in problem.observations), *problem.pending]
    known = _listed(space) or known or [each for each in before if space.contains(each)]
    if not known:
        raise NoFeasiblePoint(problem.experiment.experiment_id)
    order = np.random.default_rng((problem.seed, 2, problem.index)).random(len(known))
    counts = order + [tried[key(point)] for point in known]
    while True:
        least = int(counts.argmin())
        repeated = bool(counts[least] >= 1)
        counts[least] += 1
        yield _proposal(
            problem, Made(dict(known[least]), "least tried"), _REPEATED if repeated else ""
        )


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
    cells = (dict(zip(names, values, strict=True)) for values in product(*columns))
    return [point for point in cells if not space.constraints or space.contains(point)]


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
