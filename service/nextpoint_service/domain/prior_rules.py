"""What a caller may define as the prior of a parameter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.search_space import BetaPrior, NormalPrior, Prior
from nextpoint_service.domain.violations import Violations


@dataclass(frozen=True, slots=True)
class PriorDraft:
    """A prior as a caller wrote it: its numbers by name, None where one is absent.

    `kind` is None when it was not said or is not known.
    """

    kind: str | None
    numbers: Mapping[str, float | None] = field(default_factory=dict)


def parse_prior(
    draft: PriorDraft, low: float, high: float, found: Violations, limits: Limits
) -> Prior | None:
    """Return the prior of a parameter with these bounds; what is wrong is noted."""
    numbers = {name: _checked(draft, name, found) for name in _NUMBERS.get(draft.kind or "", ())}
    match draft.kind:
        case "normal":
            mean, scale = numbers.values()
            if mean is not None and not low <= mean <= high:
                found.add("prior.normal.mean", f"must be within the bounds, got {mean}")
            if scale is not None and scale <= 0:
                found.add("prior.normal.scale", f"must be above 0, got {scale}")
            return None if mean is None or scale is None else NormalPrior(mean, scale)
        case "beta":
            for name, shape in numbers.items():
                if shape is not None and not 0 < shape <= limits.prior_shape:
                    found.add(
                        f"prior.beta.{name}",
                        f"must be above 0 and at most {limits.prior_shape:g}, got {shape}",
                    )
            first, second = numbers.values()
            return None if first is None or second is None else BetaPrior(first, second)
        case _:
            found.add("prior", "must be normal or beta")
            return None


def _checked(draft: PriorDraft, name: str, found: Violations) -> float | None:
    number = draft.numbers.get(name)
    if number is None:
        found.add(f"prior.{draft.kind}.{name}", "is required")
    elif not math.isfinite(number):
        found.add(f"prior.{draft.kind}.{name}", f"must be a finite number, got {number}")
        return None
    return number


_NUMBERS = {"normal": ("mean", "scale"), "beta": ("shape_a", "shape_b")}
