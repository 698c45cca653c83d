"""Ids sort by creation, whatever the clock does."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from tests.support.builders import NOW

from nextpoint_service.domain.ids import IdMaker

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LARGEST_RANDOM = 2**80 - 1


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def a_maker(clock, *random_bits):
    """A maker that draws these numbers one after the other, and 0 when they are used up."""
    numbers = iter(random_bits)
    return IdMaker(clock, lambda _: next(numbers, 0))


@pytest.mark.parametrize(
    ("noun", "prefix"),
    [
        ("experiment", "exp"),
        ("suggestion", "sug"),
        ("observation", "obs"),
        ("run", "run"),
        ("worker", "wrk"),
    ],
)
def test_an_id_is_a_prefix_that_names_the_noun_and_26_characters(clock, noun, prefix):
    made = getattr(a_maker(clock, LARGEST_RANDOM), noun)()

    assert re.fullmatch(f"{prefix}_[{ALPHABET}]{{26}}", made)


def test_an_id_says_when_it_was_made_and_what_was_drawn(clock):
    _, digits = a_maker(clock, 31).run().split("_")

    number = 0
    for digit in digits:
        number = number * 32 + ALPHABET.index(digit)
    assert number == (int(NOW.timestamp() * 1000) << 80) + 31


def test_ids_of_one_millisecond_sort_by_creation_though_less_was_drawn(clock):
    maker = a_maker(clock, 5, 5, 4, 0)

    made = [maker.run() for _ in range(4)]

    assert made == sorted(set(made))


def test_an_id_after_the_largest_of_a_millisecond_goes_on_into_the_next(clock):
    maker = a_maker(clock, LARGEST_RANDOM, LARGEST_RANDOM)

    made = [maker.run() for _ in range(2)]

    assert made == sorted(set(made))


def test_ids_sort_by_creation_when_the_clock_goes_back(clock):
    maker = a_maker(clock, 1, LARGEST_RANDOM, 2, 3)
    made = [maker.run()]

    for minutes in (-60, -61, 1):
        clock.now = NOW + timedelta(minutes=minutes)
        made.append(maker.run())

    assert made == sorted(set(made))


def test_a_later_id_sorts_after_an_earlier_one_of_another_maker(clock):
    earlier = a_maker(clock, LARGEST_RANDOM).run()
    clock.now = NOW + timedelta(milliseconds=1)

    later = a_maker(clock, 0).run()

    assert earlier < later


def test_ids_of_every_noun_are_one_sequence(clock):
    maker = a_maker(clock, 7, 7, 7)

    made = [maker.experiment(), maker.suggestion(), maker.run()]

    numbers = [each.split("_")[1] for each in made]
    assert all(one < other for one, other in pairwise(numbers))
