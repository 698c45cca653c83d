"""Linear constraints: weighted sums, and whether a point satisfies them."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from nextpoint_service.domain.assignments import LARGEST_INT, Assignments

TOLERANCE = 1e-9
"""How far, relative to its largest term, a constraint on reported points may be missed."""


class Comparison(Enum):
    """How a weighted sum is compared with its threshold."""

    GREATER_THAN = "greater_than"
    LESS_THAN = "less_than"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted parameter of a sum."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """A weighted sum of numeric parameters, compared with a threshold."""

    comparison: Comparison
    terms: tuple[Term, ...]
    threshold: float

    def sum(self, point: Assignments) -> float:
        """Return the weighted sum at a point."""
        return math.fsum(self._products(point))

    def excess(self, point: Assignments) -> float:
        """Return by how much the point misses the constraint; 0 or less means it holds."""
        difference = math.fsum([*self._products(point), -self.threshold])
        match self.comparison:
            case Comparison.GREATER_THAN:
                return -difference
            case Comparison.LESS_THAN:
                return difference
            case Comparison.EQUAL:
                return abs(difference)
            case _:
                assert_never(self.comparison)

    def holds(self, point: Assignments) -> bool:
        """Whether the point satisfies the constraint, up to the rounding of its terms.

        Whole numbers with whole weights are not rounded, so that they have to satisfy it exactly.
        """
        tolerance = 0.0 if self.is_exact(point) else TOLERANCE * self._largest(point)
        return self.excess(point) <= tolerance

    def is_exact(self, point: Assignments) -> bool:
        """Whether all terms are whole numbers that are added without rounding."""
        return self._largest(point) <= LARGEST_INT and all(
            isinstance(point[term.name], int) and term.weight.is_integer() for term in self.terms
        )

    def _products(self, point: Assignments) -> list[float]:
        return [term.weight * float(point[term.name]) for term in self.terms]

    def _largest(self, point: Assignments) -> float:
        return max(abs(self.threshold), *(abs(each) for each in self._products(point)))
