"""The life of a suggestion: every verb in every state."""

import inspect
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest
from tests.support.builders import LATER, NOW, a_suggestion

from nextpoint_service.domain.errors import LeaseLost
from nextpoint_service.domain.suggestion import (
    Generator,
    Lease,
    Provenance,
    Suggestion,
    SuggestionState,
)

QUEUED, LEASED, WAITING, OBSERVED, WITHDRAWN = SuggestionState
MUCH_LATER = LATER + timedelta(hours=1)
NEW_LEASE = Lease("miller", LATER, MUCH_LATER)
OLD_LEASE = Lease("baker", NOW, LATER)
ATTEMPT = 3

DO = {
    "lease_to": lambda one: one.lease_to("miller", LATER, MUCH_LATER),
    "renew": lambda one: one.renew(ATTEMPT, MUCH_LATER),
    "renew as another": lambda one: one.renew(ATTEMPT - 1, MUCH_LATER),
    "release": lambda one: one.release(ATTEMPT),
    "release as another": lambda one: one.release(ATTEMPT + 1),
    "expire": lambda one: one.expire(LATER),
    "expire too early": lambda one: one.expire(LATER - timedelta(microseconds=1)),
    "observe": lambda one: one.observe(),
    "reopen": lambda one: one.reopen(),
    "withdraw": lambda one: one.withdraw(),
}

# The state, attempt and lease that a verb leads to, or the error that it is refused with.
SAME_QUEUED = (QUEUED, ATTEMPT, None)
SAME_LEASED = (LEASED, ATTEMPT, OLD_LEASE)
SAME_WAITING = (WAITING, ATTEMPT, None)
SAME_OBSERVED = (OBSERVED, ATTEMPT, None)
SAME_WITHDRAWN = (WITHDRAWN, ATTEMPT, None)
HANDED_OUT = (LEASED, ATTEMPT + 1, NEW_LEASE)
LOST = LeaseLost
BUG = ValueError

TABLE = {
    (QUEUED, "lease_to"): HANDED_OUT,
    (QUEUED, "renew"): LOST,
    (QUEUED, "renew as another"): LOST,
    (QUEUED, "release"): LOST,
    (QUEUED, "release as another"): LOST,
    (QUEUED, "expire"): SAME_QUEUED,
    (QUEUED, "expire too early"): SAME_QUEUED,
    (QUEUED, "observe"): SAME_OBSERVED,
    (QUEUED, "reopen"): BUG,
    (QUEUED, "withdraw"): SAME_WITHDRAWN,
    (LEASED, "lease_to"): BUG,
    (LEASED, "renew"): (LEASED, ATTEMPT, Lease("baker", NOW, MUCH_LATER)),
    (LEASED, "renew as another"): LOST,
    (LEASED, "release"): SAME_WAITING,
    (LEASED, "release as another"): LOST,
    (LEASED, "expire"): SAME_WAITING,
    (LEASED, "expire too early"): SAME_LEASED,
    (LEASED, "observe"): SAME_OBSERVED,
    (LEASED, "reopen"): BUG,
    (LEASED, "withdraw"): BUG,
    (WAITING, "lease_to"): HANDED_OUT,
    (WAITING, "renew"): LOST,
    (WAITING, "renew as another"): LOST,
    (WAITING, "release"): LOST,
    (WAITING, "release as another"): LOST,
    (WAITING, "expire"): SAME_WAITING,
    (WAITING, "expire too early"): SAME_WAITING,
    (WAITING, "observe"): SAME_OBSERVED,
    (WAITING, "reopen"): BUG,
    (WAITING, "withdraw"): SAME_WITHDRAWN,
    (OBSERVED, "lease_to"): BUG,
    (OBSERVED, "renew"): LOST,
    (OBSERVED, "renew as another"): LOST,
    (OBSERVED, "release"): LOST,
    (OBSERVED, "release as another"): LOST,
    (OBSERVED, "expire"): SAME_OBSERVED,
    (OBSERVED, "expire too early"): SAME_OBSERVED,
    (OBSERVED, "observe"): SAME_OBSERVED,
    (OBSERVED, "reopen"): SAME_WAITING,
    (OBSERVED, "withdraw"): BUG,
    (WITHDRAWN, "lease_to"): BUG,
    (WITHDRAWN, "renew"): LOST,
    (WITHDRAWN, "renew as another"): LOST,
    (WITHDRAWN, "release"): LOST,
    (WITHDRAWN, "release as another"): LOST,
    (WITHDRAWN, "expire"): SAME_WITHDRAWN,
    (WITHDRAWN, "expire too early"): SAME_WITHDRAWN,
    (WITHDRAWN, "observe"): SAME_OBSERVED,
    (WITHDRAWN, "reopen"): BUG,
    (WITHDRAWN, "withdraw"): BUG,
}

ALLOWED = [(*pair, to) for pair, to in TABLE.items() if isinstance(to, tuple)]
REFUSED = [(*pair, error) for pair, error in TABLE.items() if not isinstance(error, tuple)]


def test_every_verb_in_every_state_is_in_the_table():
    public = {name for name, _ in inspect.getmembers(Suggestion, inspect.isfunction)}
    verbs = {name for name in public if not name.startswith("_")}

    assert {verb.split()[0] for verb in DO} == verbs
    assert TABLE.keys() == {(state, verb) for state in SuggestionState for verb in DO}


@pytest.mark.parametrize(("state", "verb", "to"), ALLOWED)
def test_a_verb_leads_to(state, verb, to):
    before = a_suggestion(state, attempt=ATTEMPT)

    after = DO[verb](before)

    assert (after.state, after.attempt, after.lease) == to


@pytest.mark.parametrize(("state", "verb", "to"), ALLOWED)
def test_a_verb_changes_nothing_but_state_attempt_and_lease(state, verb, to):
    before = a_suggestion(state, attempt=ATTEMPT)

    after = DO[verb](before)

    assert before == replace(after, state=before.state, attempt=before.attempt, lease=before.lease)


@pytest.mark.parametrize(("state", "verb", "error"), REFUSED)
def test_a_verb_is_refused_with(state, verb, error):
    with pytest.raises(error) as caught:
        DO[verb](a_suggestion(state, attempt=ATTEMPT))

    assert ("sug_1" if error is LOST else state.value) in str(caught.value)


@pytest.mark.parametrize(("state", "verb", "to"), ALLOWED)
def test_a_suggestion_has_a_lease_exactly_while_it_is_leased(state, verb, to):
    after = DO[verb](a_suggestion(state, attempt=ATTEMPT))

    assert (after.lease is not None) == (after.state is LEASED)


def test_a_suggestion_that_was_never_handed_out_starts_with_attempt_1():
    assert a_suggestion(QUEUED).lease_to("miller", NOW, LATER).attempt == 1


def test_a_lease_that_is_lost_names_the_attempt_of_the_caller():
    with pytest.raises(LeaseLost, match="'sug_1' is not held under attempt 9"):
        a_suggestion(LEASED).renew(9, LATER)


def test_a_lease_ends_at_its_time_and_not_before():
    leased = a_suggestion(LEASED)

    assert leased.expire(LATER - timedelta(microseconds=1)) is leased
    assert leased.expire(LATER).state is WAITING


def test_the_worker_of_an_earlier_attempt_cannot_disturb_the_next():
    taken_over = a_suggestion(LEASED, attempt=1).expire(LATER).lease_to("miller", LATER, MUCH_LATER)

    with pytest.raises(LeaseLost):
        taken_over.renew(1, MUCH_LATER)
    with pytest.raises(LeaseLost):
        taken_over.release(1)


def test_a_provenance_claims_no_more_than_it_was_told():
    assert Provenance(Generator.USER, "queued") == Provenance(
        Generator.USER,
        "queued",
        seed=None,
        observation_count=0,
        pending_count=0,
        fallback_reason="",
        predictions={},
        acquisition_value=None,
    )


def test_a_suggestion_is_never_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        a_suggestion().state = OBSERVED
