"""Faults are collected and said at once."""

import math

import pytest

from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.violations import Violations


def test_nothing_is_wrong_until_something_is_noted():
    violations = Violations()

    violations.check()

    assert not violations
    assert violations.found == ()


def test_everything_that_was_noted_is_raised_in_its_order():
    violations = Violations()
    violations.add("b", "is bad")
    violations.add("a", "is worse")

    with pytest.raises(InvalidRequest) as caught:
        violations.check()

    assert caught.value.violations == (
        FieldViolation("b", "is bad"),
        FieldViolation("a", "is worse"),
    )
    assert violations


def test_faults_that_were_found_apart_come_below_a_prefix():
    apart, violations = Violations(), Violations()
    apart.add("name", "is bad")

    violations.extend(apart, "parameters[2].")

    assert violations.found == (FieldViolation("parameters[2].name", "is bad"),)


def test_a_name_that_is_empty_is_missing_unless_it_is_one_of_a_list(notes):
    notes(lambda found: found.check_name("name", "", 10), {"name": "is required"})
    notes(
        lambda found: found.check_name("tags[0]", "", 10, empty="must not be empty"),
        {"tags[0]": "must not be empty"},
    )


@pytest.mark.parametrize("name", ["x", "x" * 10, "a b", "é", "名前", "a-b_c.d/e", "'", "😀"])
def test_a_name_may_hold_whatever_people_can_see(notes, name):
    notes(lambda found: found.check_name("name", name, 10), {})


@pytest.mark.parametrize(
    "code", [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xD800, 0xDBFF, 0xDC00, 0xDFFF]
)
def test_a_name_holds_nothing_that_people_cannot_see(notes, code):
    notes(
        lambda found: found.check_name("name", f"a{chr(code)}b", 10),
        {"name": "must not hold control characters"},
    )


@pytest.mark.parametrize("where", ["_a", "a_", "_", "_a_"])
@pytest.mark.parametrize("space", [" ", "\xa0", "\u2003", "\u3000"])
def test_a_name_has_no_space_of_any_kind_at_its_ends(notes, space, where):
    name = where.replace("_", space)

    notes(lambda found: found.check_name("name", name, 10), {"name": "begin or end"})


def test_a_name_is_measured_in_characters_and_not_in_bytes(notes):
    notes(lambda found: found.check_name("name", "é" * 10, 10), {})
    notes(lambda found: found.check_name("name", "é" * 11, 10), {"name": "10 characters, got 11"})


@pytest.mark.parametrize("value", [0, 1, 0.5])
def test_a_range_is_inclusive(notes, value):
    notes(lambda found: found.check_range("x", value, 0, 1), {})


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (-1, 0, 1, "must be from 0 to 1, got -1"),
        (1_234_567, 1, 100_000, "must be from 1 to 100000, got 1234567"),
        (2592000.5, 1.0, 2592000.0, "must be from 1 to 2592000, got 2592000.5"),
        (0.25, 0.5, 1.0, "must be from 0.5 to 1, got 0.25"),
        (math.nan, 0, 1, "got nan"),
        (math.inf, 0, 1, "got inf"),
        (-math.inf, 0, 1, "got -inf"),
    ],
)
def test_a_number_outside_is_shown_in_full(notes, value, low, high, text):
    notes(lambda found: found.check_range("x", value, low, high), {"x": text})
