"""Which of the points that were made ahead are kept."""

from asyncio import Future

import pytest

from nextpoint_service.application.pace import Pace
from nextpoint_service.application.shelf import Point, Shelf, Waiter
from nextpoint_service.domain.search_space import SearchSpace
from nextpoint_service.domain.suggestion import Generator, Proposal, Provenance


def pace_of_three_ahead():
    """Return the pace of an experiment that is handed three points at a time."""
    pace = Pace(evaluation_seconds=100.0)
    for _ in range(3):
        pace.asked(0.0, 0.0)
        pace.handed_out(0.0)
    pace.took(25.0, 5)
    assert pace.ahead == 3
    return pace


def pace_of_calls_that_wait():
    """Return the pace of an experiment for which nothing is made ahead."""
    pace = Pace(evaluation_seconds=100.0)
    pace.asked(0.0, 100.0)
    pace.took(25.0, 5)
    assert pace.ahead == 0
    return pace


def points(*revisions):
    made = Proposal({"x": 0.5}, Provenance(Generator.MODEL, "test"))
    return [Point(made, SearchSpace(()), each) for each in revisions]


@pytest.mark.parametrize(
    ("new", "ready"),
    [
        pytest.param([6], [6, 5, 5], id="fewer"),
        pytest.param([6, 6, 6], [6, 6, 6], id="as many"),
        pytest.param([6, 6, 6, 6], [6, 6, 6, 6], id="more"),
        pytest.param([4], [5, 5, 5], id="older"),
    ],
)
def test_new_points_replace_older_ones_beyond_those_to_have_ready(new, ready):
    shelf = Shelf("e", pace=pace_of_three_ahead())
    shelf.put(points(5, 5, 5))

    shelf.put(points(*new))

    assert [each.revision for each in shelf.ready] == ready


def test_the_point_that_knows_most_is_handed_over_first():
    shelf = Shelf("e", pace=pace_of_three_ahead())
    shelf.put(points(5, 5))
    shelf.put(points(6))

    taken = [shelf.take(0) for _ in range(3)]

    assert [each.revision for each in taken] == [6, 5, 5]
    assert shelf.take(0) is None


async def test_points_that_lack_an_outcome_are_not_kept_where_none_are_to_be_ready():
    shelf = Shelf("e", pace=pace_of_three_ahead())
    shelf.put(points(5, 5, 5))
    shelf.pace = pace_of_calls_that_wait()
    shelf.waiters.append(Waiter(6, Future()))

    shelf.put(points(6))

    assert shelf.ready == []
    assert [each.revision for each in shelf.handed_over] == [6]


@pytest.mark.parametrize(
    ("models", "revision", "pace", "counted"),
    [
        pytest.param("light", 5, pace_of_three_ahead(), 3, id="all that know everything"),
        pytest.param("light", 6, pace_of_three_ahead(), 3, id="others where calls take them"),
        pytest.param("light", 6, pace_of_calls_that_wait(), 0, id="none where calls wait"),
        pytest.param("", 6, pace_of_calls_that_wait(), 3, id="all that need no model"),
    ],
)
def test_ready_points_count_as_under_way_where_they_are_likely_to_be_evaluated(
    models, revision, pace, counted
):
    shelf = Shelf("e", pace=pace_of_three_ahead(), models=models)
    shelf.put(points(5, 5, 5))
    shelf.revision = revision
    shelf.pace = pace

    assert len(shelf.demand(wanted=1, batch=5).ready) == counted
