"""Every list: pages, tokens, filters."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest
from grpc import StatusCode
from tests.support.grpc_service import at, changed, metric, refusal

from nextpoint.v1 import (
    analysis_service_pb2,
    experiment_pb2,
    experiment_service_pb2,
    observation_service_pb2,
    run_pb2,
    run_service_pb2,
    suggestion_pb2,
    suggestion_service_pb2,
)
from nextpoint_service.domain.limits import Limits

SMALL = Limits(default_page_size=4, page_size=6)
"""Limits as in the contract, only smaller: 4 for 50, 6 for 1000."""


@dataclass
class Listing:
    """One of the lists of the contract, on one experiment."""

    api: Any
    service: str
    method: str
    request: Any
    items: str
    id: str

    async def page(self, **fields):
        stub = getattr(getattr(self.api, self.service), self.method)
        response = await stub(changed(self.request, **fields))
        return [getattr(each, self.id) for each in getattr(response, self.items)], (
            response.next_page_token
        )

    async def all(self, size):
        found, token = await self.page(page_size=size)
        while token:
            more, token = await self.page(page_size=size, page_token=token)
            found += more
        return found


async def experiments(api, count):
    async def add():
        return (await api.define()).experiment_id

    request = experiment_service_pb2.ListExperimentsRequest(name_contains="bread")
    names = ("experiments", "ListExperiments", request, "experiments", "experiment_id")
    return Listing(api, *names), add, [await add() for _ in range(count)]


async def suggestions(api, count):
    experiment = (await api.define()).experiment_id

    async def add():
        return (await api.queue(experiment, 0.5)).suggestion_id

    request = suggestion_service_pb2.ListSuggestionsRequest(experiment_id=experiment)
    names = ("suggestions", "ListSuggestions", request, "suggestions", "suggestion_id")
    return Listing(api, *names), add, [await add() for _ in range(count)]


async def observations(api, count):
    experiment = (await api.define()).experiment_id

    async def add():
        return (await api.report_own(experiment, 0.5)).observation_id

    request = observation_service_pb2.ListObservationsRequest(experiment_id=experiment)
    names = ("observations", "ListObservations", request, "observations", "observation_id")
    return Listing(api, *names), add, [await add() for _ in range(count)]


async def runs(api, count):
    experiment = (await api.define()).experiment_id

    async def add():
        request = run_service_pb2.CreateRunRequest(experiment_id=experiment)
        return (await api.runs.CreateRun(request)).run.run_id

    request = run_service_pb2.ListRunsRequest(experiment_id=experiment)
    return (
        Listing(api, "runs", "ListRuns", request, "runs", "run_id"),
        add,
        [await add() for _ in range(count)],
    )


NEWEST_FIRST = [experiments, suggestions, observations, runs]


@pytest.mark.parametrize("listed", NEWEST_FIRST)
@pytest.mark.parametrize(
    ("size", "length"), [(0, 4), (1, 1), (5, 5), (6, 6), (7, 6), (2**31 - 1, 6)]
)
async def test_a_page_is_as_long_as_asked_for_within_the_limits(serve, listed, size, length):
    listing, _, ids = await listed(await serve(limits=SMALL), 7)

    page, token = await listing.page(page_size=size)

    assert page == ids[::-1][:length]
    assert token


@pytest.mark.parametrize("listed", NEWEST_FIRST)
@pytest.mark.parametrize("size", [1, 3, 6])
async def test_pages_together_hold_everything_once(serve, listed, size):
    listing, _, ids = await listed(await serve(limits=SMALL), 6)

    assert await listing.all(size) == ids[::-1]


@pytest.mark.parametrize("listed", NEWEST_FIRST)
async def test_what_is_added_meanwhile_repeats_and_hides_nothing(serve, listed):
    listing, add, ids = await listed(await serve(limits=SMALL), 5)
    first, token = await listing.page(page_size=2)
    await add()
    second, token = await listing.page(page_size=2, page_token=token)
    await add()

    third, token = await listing.page(page_size=6, page_token=token)

    assert first + second + third == ids[::-1]
    assert token == ""


@pytest.mark.parametrize("listed", NEWEST_FIRST)
async def test_an_empty_list_is_one_empty_page(serve, listed):
    listing, _, _ = await listed(await serve(), 0)

    assert await listing.page() == ([], "")


@pytest.mark.parametrize("listed", NEWEST_FIRST)
async def test_a_negative_size_and_a_strange_token_are_refused_together(serve, listed):
    listing, _, _ = await listed(await serve(), 0)

    refused = await refusal(listing.page(page_size=-1, page_token="x"))  # noqa: S106

    assert refused.code is StatusCode.INVALID_ARGUMENT
    assert sorted(refused.fields) == ["page_size", "page_token"]


@pytest.mark.parametrize("listed", NEWEST_FIRST)
async def test_a_token_serves_its_own_query_only(serve, listed):
    api = await serve(limits=SMALL)
    listing, _, _ = await listed(api, 5)
    other, _, _ = await listed(api, 5)
    _, token = await listing.page()
    another_query = changed(other.request)
    if listed is experiments:
        another_query.name_contains = "rea"
    other.request = another_query

    for strange in (token[:-1], token + "A", "!" + token, "€", "A" * len(token), token + "!"):
        assert (await refusal(listing.page(page_token=strange))).fields == ["page_token"]
    assert (await refusal(other.page(page_token=token))).fields == ["page_token"]


async def test_a_token_of_a_place_beyond_the_last_is_refused(serve):
    listing, _, _ = await observations(await serve(limits=SMALL), 5)
    _, token = await listing.page()
    forged = base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)[:-8] + b"\xff" * 8).decode()

    assert (await refusal(listing.page(page_token=forged))).fields == ["page_token"]


async def test_the_best_come_in_pages_too(serve):
    api = await serve(limits=SMALL)
    metrics = [experiment_pb2.Metric(name="m"), experiment_pb2.Metric(name="n")]
    experiment = (await api.define(metrics=metrics, budget=50)).experiment_id
    outcomes = [
        observation_service_pb2.NewObservation(
            assignments=at(0.5), values=[metric(n), metric(-n, "n")]
        )
        for n in range(9)
    ]
    await api.observations.BatchCreateObservations(
        observation_service_pb2.BatchCreateObservationsRequest(
            experiment_id=experiment, observations=outcomes
        )
    )
    request = analysis_service_pb2.ListBestAssignmentsRequest(experiment_id=experiment)

    async def page(**fields):
        response = await api.analysis.ListBestAssignments(changed(request, **fields))
        values = [each.observation.values[0].value for each in response.best_assignments]
        return values, response.next_page_token

    first, token = await page()
    second, token = await page(page_token=token, page_size=1)
    third, token = await page(page_token=token, page_size=100)
    assert (first, second, third, token) == ([8, 7, 6, 5], [4], [3, 2, 1, 0], "")
    assert (await refusal(page(page_size=-1))).fields == ["page_size"]
    assert (await refusal(page(page_token="A"))).fields == ["page_token"]  # noqa: S106


async def test_the_limits_of_the_contract_are_50_and_1000(api):
    experiment = (await api.define()).experiment_id
    outcome = observation_service_pb2.NewObservation(assignments=at(0.5), values=[metric(1)])
    await api.observations.BatchCreateObservations(
        observation_service_pb2.BatchCreateObservationsRequest(
            experiment_id=experiment, observations=[outcome] * 1001
        )
    )

    async def length(size):
        request = observation_service_pb2.ListObservationsRequest(
            experiment_id=experiment, page_size=size
        )
        return len((await api.observations.ListObservations(request)).observations)

    assert [await length(size) for size in (0, 999, 1000, 1001)] == [50, 999, 1000, 1000]


async def test_a_page_is_shorter_than_asked_for_when_clients_could_not_take_it(api):
    experiment = (await api.define()).experiment_id
    notes = {
        f"{number:03}": experiment_pb2.MetadataValue(string_value="x" * 500)
        for number in range(100)
    }
    outcome = observation_service_pb2.NewObservation(
        assignments=at(0.5), values=[metric(1)], metadata=notes
    )
    for _ in range(2):
        await api.observations.BatchCreateObservations(
            observation_service_pb2.BatchCreateObservationsRequest(
                experiment_id=experiment, observations=[outcome] * 60
            )
        )
    listing, _, _ = await observations(api, 0)
    listing.request.experiment_id = experiment

    # The client here takes 4 MiB, as those of most languages do.
    assert len(set(await listing.all(1000))) == 120


async def named(api, *names, **fields):
    for name in names:
        await api.define(name=name, **fields)


async def names_of(api, **fields):
    request = experiment_service_pb2.ListExperimentsRequest(**fields)
    response = await api.experiments.ListExperiments(request)
    return [each.name for each in response.experiments][::-1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["100% rye", "a_b", "aXb", "Élan", "BREAD"]),
        ("%", ["100% rye"]),
        ("_", ["a_b"]),
        ("a_b", ["a_b"]),
        ("A", ["a_b", "aXb", "Élan", "BREAD"]),
        ("bread", ["BREAD"]),
        ("É", ["Élan"]),
        ("é", []),
        ("x" * 100, []),
    ],
)
async def test_experiments_are_found_by_a_part_of_their_name(api, text, found):
    await named(api, "100% rye", "a_b", "aXb", "Élan", "BREAD")

    assert await names_of(api, name_contains=text) == found


async def test_a_text_to_look_for_that_is_too_long_is_refused(api):
    refused = await refusal(names_of(api, name_contains="x" * 101, state=99, page_size=-1))

    assert sorted(refused.fields) == ["name_contains", "page_size", "state"]


async def test_experiments_are_found_by_project_and_state(api):
    await named(api, "a", project="p")
    await named(api, "b", project="q")
    await named(api, "c")
    gone = await api.define(name="d", project="p")
    await api.archive(gone.experiment_id)
    any_state, active, archived = range(3)

    assert await names_of(api) == ["a", "b", "c"]
    assert await names_of(api, state=active) == ["a", "b", "c"]
    assert await names_of(api, state=archived) == ["d"]
    assert await names_of(api, state=any_state) == ["a", "b", "c", "d"]
    assert await names_of(api, state=any_state, project="p") == ["a", "d"]
    assert await names_of(api, project="p") == ["a"]
    assert await names_of(api, project="r") == []


async def test_suggestions_and_runs_are_found_by_state(api):
    experiment = (await api.define()).experiment_id
    for _ in range(2):
        await api.queue(experiment, 0.5)
    held = await api.ask(experiment)
    run = await api.runs.CreateRun(run_service_pb2.CreateRunRequest(experiment_id=experiment))
    await api.runs.FailRun(run_service_pb2.FailRunRequest(run_id=run.run.run_id))

    async def found(state):
        request = suggestion_service_pb2.ListSuggestionsRequest(
            experiment_id=experiment, state=state
        )
        response = await api.suggestions.ListSuggestions(request)
        return [each.suggestion_id for each in response.suggestions]

    async def runs_found(state):
        request = run_service_pb2.ListRunsRequest(experiment_id=experiment, state=state)
        return len((await api.runs.ListRuns(request)).runs)

    assert await found(suggestion_pb2.SUGGESTION_STATE_LEASED) == [held.suggestion_id]
    assert await found(suggestion_pb2.SUGGESTION_STATE_OBSERVED) == [run.run.suggestion_id]
    assert await found(suggestion_pb2.SUGGESTION_STATE_QUEUED) == []
    assert len(await found(suggestion_pb2.SUGGESTION_STATE_UNSPECIFIED)) == 2
    assert [await runs_found(state) for state in run_pb2.RunState.values()] == [1, 0, 0, 1, 0]
    assert (await refusal(found(99))).fields == ["state"]
    assert (await refusal(runs_found(99))).fields == ["state"]


def test_these_tests_know_every_list():
    lists = {
        method.name
        for module in (
            analysis_service_pb2,
            experiment_service_pb2,
            observation_service_pb2,
            run_service_pb2,
            suggestion_service_pb2,
        )
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if "page_size" in method.input_type.fields_by_name
    }

    assert lists == {
        "ListBestAssignments",
        "ListExperiments",
        "ListObservations",
        "ListRuns",
        "ListSuggestions",
    }


async def test_without_an_optimized_metric_all_that_satisfy_come_in_pages(serve):
    api = await serve(limits=SMALL)
    constraint = experiment_pb2.METRIC_STRATEGY_CONSTRAINT
    metrics = [experiment_pb2.Metric(name="m", strategy=constraint, threshold=2.0)]
    experiment = (await api.define(metrics=metrics, budget=50)).experiment_id
    for value in range(8):
        await api.report_own(experiment, 0.5, value)
    request = analysis_service_pb2.ListBestAssignmentsRequest(experiment_id=experiment)

    first = await api.analysis.ListBestAssignments(request)
    second = await api.analysis.ListBestAssignments(
        changed(request, page_token=first.next_page_token)
    )

    found = [*first.best_assignments, *second.best_assignments]
    assert [each.observation.values[0].value for each in found] == [7, 6, 5, 4, 3, 2]
    assert not second.next_page_token
