"""Every error says what is the case, has a reason, and repeats what varies."""

import inspect
import re

import pytest

from nextpoint_service.domain import errors
from nextpoint_service.domain.errors import (
    FieldViolation,
    InvalidRequest,
    LimitReached,
    MetricsMissing,
    NextpointServiceError,
    NotFound,
    PreconditionFailed,
)


def leaves(kind):
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [kind]


LEAVES = leaves(NextpointServiceError)
GROUPS = (NextpointServiceError, NotFound, PreconditionFailed, LimitReached)

EXAMPLES = {
    errors.RequestIdReused: {"request_id": "req-7"},
    errors.ExperimentNotFound: {"experiment_id": "exp_7"},
    errors.SuggestionNotFound: {"suggestion_id": "sug_7"},
    errors.ObservationNotFound: {"observation_id": "obs_7"},
    errors.RunNotFound: {"run_id": "run_7"},
    errors.ExperimentArchived: {"experiment_id": "exp_7"},
    errors.GridExhausted: {"experiment_id": "exp_7", "cells": 31},
    errors.LeaseLost: {"suggestion_id": "sug_7", "attempt": 31},
    errors.NotQueued: {"suggestion_id": "sug_7", "state": "leased"},
    errors.RunEnded: {"run_id": "run_7", "state": "completed"},
    errors.TooFewObservations: {"experiment_id": "exp_7", "needed": 31, "found": 17},
    errors.ModelUnavailable: {"experiment_id": "exp_7", "why": "it took too long"},
    errors.HypervolumeUndefined: {
        "experiment_id": "exp_7",
        "optimized": 31,
        "thresholds": 29,
        "limit": 37,
    },
    errors.QueueFull: {"experiment_id": "exp_7", "limit": 31},
    errors.TooManyObservations: {"experiment_id": "exp_7", "limit": 31},
    errors.FrontierTooLarge: {"experiment_id": "exp_7", "points": 31, "limit": 37},
    errors.TooManyStreams: {"limit": 31},
    errors.Overloaded: {"limit": 31},
    errors.WorkerReplaced: {"worker_id": "baker"},
    errors.ShuttingDown: {},
}
LISTS = {InvalidRequest, MetricsMissing, errors.BudgetSpent}


def test_every_error_has_an_example():
    assert EXAMPLES.keys() | LISTS == set(LEAVES)


def test_every_error_is_a_leaf_or_a_group_of_leaves():
    defined = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception)
    }

    assert defined == {*LEAVES, *GROUPS}


def test_a_group_has_no_reason_of_its_own():
    assert [each for each in GROUPS if "reason" in vars(each)] == []


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_reason_is_what_error_info_allows(leaf):
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]", vars(leaf)["reason"])


def test_reasons_are_different():
    assert len({each.reason for each in LEAVES}) == len(LEAVES)


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_reason_is_the_name_of_the_class(leaf):
    words = re.findall("[A-Z][a-z]*", leaf.__name__)

    assert leaf.reason == "_".join(words).upper()


@pytest.mark.parametrize(("leaf", "arguments"), EXAMPLES.items())
def test_a_message_names_the_thing_and_metadata_repeats_what_varies(leaf, arguments):
    error = leaf(**arguments)

    assert error.metadata == {name: str(value) for name, value in arguments.items()}
    assert all(str(value) in str(error) for value in arguments.values())


def test_missing_metrics_are_named_with_those_that_were_logged():
    error = MetricsMissing("run_7", ["taste", "cost"], ["loss"])

    assert str(error) == "run 'run_7' has no value for 'taste', 'cost'; it logged 'loss'"
    assert error.metadata == {
        "run_id": "run_7",
        "missing": "'taste', 'cost'",
        "logged": "'loss'",
    }


def test_a_spent_budget_says_who_holds_what_is_left_of_it():
    spent = errors.BudgetSpent("exp_7", 31)
    held = errors.BudgetSpent("exp_7", 31, 2, ["oven", "stove"])
    held_by_many = errors.BudgetSpent("exp_7", 31, 17, ["oven", "oven", "stove"])

    assert "held" not in str(spent) + str(spent.metadata)
    assert "2 of its suggestions held by 'oven', 'stove': report or release them" in str(held)
    assert held.metadata["holders"] == "'oven', 'stove'"
    assert "17 of its suggestions held by 'oven', 'stove' and others:" in str(held_by_many)
    assert held_by_many.metadata["held"] == "17"


def test_long_lists_of_metrics_are_cut():
    names = [f"m{index}" for index in range(50)]

    error = MetricsMissing("run_7", names, names[:6])

    assert error.metadata["missing"] == "'m0', 'm1', 'm2', 'm3', 'm4', and 45 more"
    assert error.metadata["logged"] == "'m0', 'm1', 'm2', 'm3', 'm4', and 1 more"


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "the request breaks 1 rule: f0: is bad"),
        (2, "the request breaks 2 rules: f0: is bad; f1: is bad"),
        (
            7,
            (
                "the request breaks 7 rules: "
                "f0: is bad; f1: is bad; f2: is bad; f3: is bad; f4: is bad; and 2 more"
            ),
        ),
    ],
)
def test_an_invalid_request_counts_its_faults_and_says_the_first(count, message):
    error = InvalidRequest([FieldViolation(f"f{index}", "is bad") for index in range(count)])

    assert str(error) == message
    assert len(error.violations) == count


def test_a_retry_is_suggested_where_waiting_helps():
    waiting = {
        each.reason for each in LEAVES if getattr(each, "retry_after_seconds", None) is not None
    }

    assert waiting == {"OVERLOADED", "SHUTTING_DOWN"}


@pytest.mark.parametrize("leaf", LEAVES)
def test_an_error_has_a_sentence_that_says_what_it_is(leaf):
    assert leaf.__doc__ != leaf.__base__.__doc__
    assert leaf.__doc__.split("\n")[0].endswith(".")
