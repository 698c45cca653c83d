"""The schema itself refuses what must not be, whoever writes it."""

import sqlite3

import pytest

from nextpoint_service.application.ports import Page, Remembered
from nextpoint_service.domain.run import RunState
from nextpoint_service.domain.suggestion import SuggestionState

LEASED = SuggestionState.LEASED


@pytest.fixture
def filled(tx, make):
    """A transaction with one of each noun."""
    tx.experiments.add(make.experiment())
    tx.suggestions.add(make.suggestion(LEASED), cell=0)
    tx.runs.add(make.run())
    tx.observations.add(make.observation())
    return tx


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE experiments SET state = 'paused'", "CHECK"),
        ("UPDATE experiments SET type = 'other'", "CHECK"),
        ("UPDATE experiments SET type = 'grid', budget = NULL", "CHECK"),
        ("UPDATE experiments SET budget = 0", "CHECK"),
        ("UPDATE experiments SET revision = 0", "CHECK"),
        ("UPDATE experiments SET name = NULL", "NOT NULL"),
        ("UPDATE experiments SET revision = 'one'", "cannot store TEXT"),
        ("DELETE FROM experiments", "FOREIGN KEY"),
        ("UPDATE suggestions SET state = 'lost'", "CHECK"),
        ("UPDATE suggestions SET state = 'waiting'", "CHECK"),
        ("UPDATE suggestions SET worker_id = NULL", "CHECK"),
        ("UPDATE suggestions SET lease_started = NULL", "CHECK"),
        ("UPDATE suggestions SET lease_expires = NULL", "CHECK"),
        ("UPDATE suggestions SET attempt = -1", "CHECK"),
        ("UPDATE suggestions SET cell = -1", "CHECK"),
        ("UPDATE suggestions SET experiment_id = 'exp_2'", "FOREIGN KEY"),
        ("UPDATE observations SET failed = 2", "CHECK"),
        ("UPDATE observations SET seconds = -1.0", "CHECK"),
        ("UPDATE observations SET point = NULL", "CHECK"),
        ("UPDATE observations SET suggestion_id = 'sug_1'", "CHECK"),
        ("UPDATE observations SET suggestion_id = 'sug_2', point = NULL", "FOREIGN KEY"),
        ("UPDATE observations SET run_id = 'run_2'", "FOREIGN KEY"),
        ("UPDATE runs SET state = 'completed'", "CHECK"),
        ("UPDATE runs SET ended = 1", "CHECK"),
        ("UPDATE runs SET observation_id = 'obs_2'", "FOREIGN KEY"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_the_schema_refuses(connection, statement, problem):
    with pytest.raises(sqlite3.IntegrityError, match=problem):
        connection.execute(statement)


def test_an_id_is_there_once(filled, make):
    with pytest.raises(sqlite3.IntegrityError, match=r"experiments\.id"):
        filled.experiments.add(make.experiment())
    with pytest.raises(sqlite3.IntegrityError, match=r"suggestions\.id"):
        filled.suggestions.add(make.suggestion(suggestion_id="sug_1"))
    with pytest.raises(sqlite3.IntegrityError, match=r"observations\.id"):
        filled.observations.add(make.observation(observation_id="obs_1"))
    with pytest.raises(sqlite3.IntegrityError, match=r"runs\.id"):
        filled.runs.add(make.run(run_id="run_1", state=RunState.LAPSED))


def test_a_cell_is_handed_out_once_in_an_experiment(filled, make):
    filled.experiments.add(make.experiment(experiment_id="exp_2"))
    filled.suggestions.add(make.suggestion(experiment_id="exp_2"), cell=0)

    with pytest.raises(sqlite3.IntegrityError, match=r"suggestions\.cell"):
        filled.suggestions.add(make.suggestion(), cell=0)


def test_a_suggestion_has_no_two_active_runs(filled, make):
    with pytest.raises(sqlite3.IntegrityError, match=r"runs\.suggestion_id"):
        filled.runs.add(make.run(suggestion_id="sug_1"))


def test_a_request_is_remembered_once(tx, make):
    remembered = Remembered("CreateRun", b"", ("run_1",))
    tx.requests.remember("a", remembered, make.now)

    with pytest.raises(sqlite3.IntegrityError, match=r"requests\.id"):
        tx.requests.remember("a", remembered, make.now)


def test_no_question_scans_or_sorts_what_grows(connection, filled, make):
    asked = []
    connection.set_trace_callback(asked.append)
    page, worker = Page(10, before=7), "oven"
    filled.experiments.get("exp_1")
    filled.experiments.progress(make.experiment())
    filled.suggestions.get("sug_1")
    filled.suggestions.first("exp_1", LEASED)
    filled.suggestions.held_by("exp_1", worker)
    filled.suggestions.held_count("exp_1", worker)
    filled.suggestions.unheld("exp_1")
    filled.suggestions.leases_ending(make.now)
    filled.suggestions.count("exp_1")
    filled.suggestions.is_taken("exp_1", {"heat": 1.0})
    filled.suggestions.next_cell("exp_1")
    filled.suggestions.list("exp_1", None, page)
    filled.suggestions.list("exp_1", LEASED, page)
    filled.observations.get("obs_1")
    filled.observations.all("exp_1")
    filled.observations.count("exp_1")
    filled.observations.exists_for("sug_1")
    filled.observations.recent_seconds("exp_1", 5)
    filled.observations.list("exp_1", page)
    filled.runs.get("run_1")
    filled.runs.active_for("sug_1")
    filled.runs.list("exp_1", None, page)
    filled.runs.list("exp_1", RunState.ACTIVE, page)
    filled.requests.find("a")
    filled.requests.forget(make.now)
    connection.set_trace_callback(None)

    steps = {
        statement: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for statement in asked
    }

    assert len(steps) == 25
    for statement, plan in steps.items():
        assert not [step for step in plan if "TEMP B-TREE" in step], statement
        assert not [
            step for step in plan if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"
        ], statement
