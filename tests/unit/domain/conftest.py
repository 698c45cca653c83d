from collections.abc import Callable, Iterable, Mapping

import pytest

from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.violations import Violations


@pytest.fixture
def refuses() -> Callable[..., None]:
    """Asserts that a call breaks rules of exactly these fields, each with a part of its text."""

    def check(call: Callable[[], object], expected: Mapping[str, str]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert _shown(caught.value.violations, expected) == sorted(expected.items())

    return check


@pytest.fixture
def notes() -> Callable[..., None]:
    """Asserts that a check notes exactly these fields, each with a part of its text."""

    def check(run: Callable[[Violations], object], expected: Mapping[str, str]) -> None:
        violations = Violations()
        run(violations)
        assert _shown(violations.found, expected) == sorted(expected.items())

    return check


def _shown(found: Iterable[FieldViolation], expected: Mapping[str, str]) -> list[tuple[str, str]]:
    # What was expected is shown as it was expected, so that a difference is easy to read.
    return sorted(
        (each.field, expected[each.field])
        if each.field in expected and expected[each.field] in each.description
        else (each.field, each.description)
        for each in found
    )
