"""Tasks: several ways to evaluate a point, of which the cheaper ones say less."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

Amount = int | Fraction
"""Of budget, exactly; 1 is a full evaluation."""

FULL_COST = 1.0
_FULL_SHARE = 0.25
_TURN = (5.0**0.5 - 1.0) / 2.0
"""The golden ratio: its multiples are spread evenly over the unit interval."""


@dataclass(frozen=True, slots=True)
class Task:
    """One way to evaluate; `cost` is a share of what a full evaluation costs."""

    name: str
    cost: float

    @property
    def amount(self) -> Fraction:
        """What one evaluation takes from the budget: the cost as written, ten of 0.1 are 1."""
        return Fraction(repr(self.cost))

    @property
    def is_full(self) -> bool:
        """Whether it is the full evaluation, which all others stand in for."""
        return self.cost == FULL_COST


@dataclass(frozen=True, slots=True)
class Spending:
    """What evaluations cost together: the observed ones, those leased, and all that are open.

    `cheapest` is what one more costs at least.
    """

    evaluated: Fraction
    leased: Fraction
    open: Fraction
    cheapest: Fraction


def task_named(name: str, tasks: Sequence[Task]) -> Task | None:
    """Return the task of this name; None when there is none."""
    return next((each for each in tasks if each.name == name), None)


def in_turn(tasks: Sequence[Task], index: int) -> Task:
    """Return the task of the point with this index where no model chooses one.

    `tasks` are in the order of their costs, the full one first, which has every fourth turn. Each
    other has its turn the more often the cheaper it is: as often as the root of its cost goes
    into 1.
    """
    full, *cheaper = tasks
    shares = [*accumulate(each.cost**-0.5 for each in reversed(cheaper))]
    place = (index + 0.5) * _TURN % 1.0 / (1.0 - _FULL_SHARE) * shares[-1]
    return next(
        (task for task, share in zip(reversed(cheaper), shares, strict=True) if place < share), full
    )


def fitting(tasks: Sequence[Task], wanted: Task, left: Amount | None) -> Task:
    """Return the wanted task, or another one where it would not fit into what is left of a budget.

    `tasks` are in the order of their costs, the full one first, of which at least the last has to
    fit. A full evaluation comes last, because nobody would evaluate in full what a cheaper one
    found after it: once there is room for a single one, the rest goes to cheaper ones before it.
    """
    if left is None:
        return wanted
    usable = [each for each in tasks if left - each.amount >= 1]
    if not usable:
        usable = [tasks[0]] if left >= 1 else [each for each in tasks if each.amount <= left]
    return wanted if wanted in usable else usable[0]
