"""The schema of the database, as the migrations that lead to it.

A migration that was released never changes; a change of the schema is one more migration. Times
are microseconds since 1970 in UTC. `seq` orders by creation and is what pages are counted by. It is
long because nothing of it may go: a version is what it was when it was released.
"""

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from nextpoint_service.store.errors import CannotOpen, ForeignDatabase, NewerDatabase

APPLICATION_ID = 0x4E585054
"""'NXPT', in the header of every file of ours: https://www.sqlite.org/pragma.html#pragma_application_id"""

migrations = Migrations("nextpoint")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the newest version, or refuse it without writing to it."""
    # Plugins that happen to be installed for the command line have no business in the service.
    database = Database(connection, execute_plugins=False)
    application_id = database.execute("PRAGMA application_id").fetchone()[0]
    if application_id == APPLICATION_ID:
        _refuse_newer(database, path)
    elif application_id or database.table_names():
        raise ForeignDatabase(f"'{path}' is the database of another program; choose another file")
    else:
        # Before all tables, so that a file whose making was cut short is known as ours.
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.enable_wal()
    if database.journal_mode != "wal":
        raise CannotOpen(f"the file system of '{path}' has no shared memory; use a local one")
    migrations.apply(database)


def _refuse_newer(database: Database, path: Path) -> None:
    applied = [each.name for each in migrations.applied(database)]
    if set(applied) - {each.__name__ for each in VERSIONS}:
        raise NewerDatabase(
            f"'{path}' is at {applied[-1]} and this Nextpoint knows {VERSIONS[-1].__name__} at"
            " most; open it with the newer Nextpoint that wrote it"
        )


@migrations()
def version_1(database: Database) -> None:
    """Create everything."""
    for statements in (_EXPERIMENTS, _SUGGESTIONS, _OBSERVATIONS, _RUNS, _REQUESTS, _PROGRESS):
        database.executescript(statements)


@migrations()
def version_2(database: Database) -> None:
    """Let queued suggestions be deleted."""
    database.executescript(_SUGGESTIONS_DELETED)


@migrations()
def version_3(database: Database) -> None:
    """Let suggestions be withdrawn."""
    _rebuild(database, "suggestions", "'observed'))", "'observed', 'withdrawn'))")


def _rebuild(database: Database, table: str, old: str, new: str) -> None:
    """Replace a part of a table's definition, which no ALTER TABLE can, and keep everything else.

    As in https://www.sqlite.org/lang_altertable.html#otheralter; foreign keys are off during
    migrations. With `legacy_alter_table` triggers of other tables may name this one while it is
    away.
    """
    definitions = [
        sql
        for (sql,) in database.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
            " ORDER BY type <> 'table', name",
            [table],
        )
    ]
    built = definitions[0].replace(f"CREATE TABLE {table} ", f"CREATE TABLE {table}_new ")
    statements = [
        built.replace(old, new),
        f"INSERT INTO {table}_new SELECT * FROM {table}",  # noqa: S608  # no user's text
        "PRAGMA legacy_alter_table = ON",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_new RENAME TO {table}",
        "PRAGMA legacy_alter_table = OFF",
        *definitions[1:],
    ]
    for statement in statements:
        database.execute(statement)


@migrations()
def version_4(database: Database) -> None:
    """Add how many solutions an experiment looks for."""
    database.executescript(_NUM_SOLUTIONS)


@migrations()
def version_5(database: Database) -> None:
    """Let experiments say what makes their model points."""
    database.executescript(_ENGINE)


@migrations()
def version_6(database: Database) -> None:
    """Add tasks."""
    database.executescript(_TASKS)


VERSIONS = (version_1, version_2, version_3, version_4, version_5, version_6)

_EXPERIMENTS = """
CREATE TABLE experiments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('optimized', 'random', 'grid')),
    state TEXT NOT NULL CHECK (state IN ('active', 'archived')),
    budget INTEGER CHECK (budget >= 1),
    parallel_bandwidth INTEGER CHECK (parallel_bandwidth >= 1),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    metrics TEXT NOT NULL,
    space TEXT NOT NULL,
    CHECK (type <> 'grid' OR budget IS NOT NULL)
) STRICT;
"""

_SUGGESTIONS = """
CREATE TABLE suggestions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    experiment_id TEXT NOT NULL REFERENCES experiments (id),
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'waiting', 'observed')),
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    worker_id TEXT,
    lease_started INTEGER,
    lease_expires INTEGER,
    cell INTEGER CHECK (cell >= 0),
    point BLOB NOT NULL,
    created INTEGER NOT NULL,
    assignments TEXT NOT NULL,
    provenance TEXT NOT NULL,
    CHECK ((state = 'leased') = (worker_id IS NOT NULL)),
    CHECK ((state = 'leased') = (lease_started IS NOT NULL)),
    CHECK ((state = 'leased') = (lease_expires IS NOT NULL))
) STRICT;
CREATE INDEX suggestions_by_experiment ON suggestions (experiment_id);
CREATE INDEX suggestions_by_state ON suggestions (experiment_id, state);
CREATE INDEX suggestions_by_point ON suggestions (experiment_id, point);
CREATE UNIQUE INDEX suggestions_by_cell ON suggestions (experiment_id, cell)
    WHERE cell IS NOT NULL;
CREATE INDEX suggestions_by_worker ON suggestions (experiment_id, worker_id)
    WHERE worker_id IS NOT NULL;
CREATE INDEX suggestions_by_expiry ON suggestions (lease_expires)
    WHERE lease_expires IS NOT NULL;
"""

# AUTOINCREMENT, because observations can be deleted and a position must not come back. `point` is
# there for points of the user's own alone: every other point is that of its suggestion.
_OBSERVATIONS = """
CREATE TABLE observations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    experiment_id TEXT NOT NULL REFERENCES experiments (id),
    suggestion_id TEXT REFERENCES suggestions (id),
    run_id TEXT REFERENCES runs (id),
    failed INTEGER NOT NULL CHECK (failed IN (0, 1)),
    outside INTEGER NOT NULL CHECK (outside IN (0, 1)),
    seconds REAL CHECK (seconds >= 0),
    point BLOB,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    assignments TEXT NOT NULL,
    metric_values TEXT NOT NULL,
    metadata TEXT NOT NULL,
    CHECK ((suggestion_id IS NULL) = (point IS NOT NULL))
) STRICT;
CREATE INDEX observations_by_experiment ON observations (experiment_id);
CREATE INDEX observations_by_suggestion ON observations (suggestion_id)
    WHERE suggestion_id IS NOT NULL;
CREATE INDEX observations_by_point ON observations (experiment_id, point)
    WHERE point IS NOT NULL;
CREATE INDEX observations_timed ON observations (experiment_id)
    WHERE seconds IS NOT NULL;
"""

_RUNS = """
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    experiment_id TEXT NOT NULL REFERENCES experiments (id),
    suggestion_id TEXT NOT NULL REFERENCES suggestions (id),
    observation_id TEXT REFERENCES observations (id) ON DELETE SET NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    state TEXT NOT NULL CHECK (state IN ('active', 'completed', 'failed', 'lapsed')),
    created INTEGER NOT NULL,
    ended INTEGER,
    name TEXT NOT NULL,
    assignments TEXT NOT NULL,
    metric_values TEXT NOT NULL,
    metadata TEXT NOT NULL,
    CHECK ((state IN ('completed', 'failed')) = (ended IS NOT NULL))
) STRICT;
CREATE INDEX runs_by_experiment ON runs (experiment_id);
CREATE INDEX runs_by_state ON runs (experiment_id, state);
CREATE UNIQUE INDEX runs_active ON runs (suggestion_id)
    WHERE state = 'active';
CREATE INDEX runs_by_observation ON runs (observation_id)
    WHERE observation_id IS NOT NULL;
"""

_REQUESTS = """
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    digest BLOB NOT NULL,
    result TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_by_age ON requests (created);
"""

# Counted as things happen, because counting 100,000 rows at every hand-out takes milliseconds.
# `repeated` are observations of suggestions that had one already; `points` is how many different
# points suggestions and the users' own observations have.
_PROGRESS = """
CREATE TABLE progress (
    experiment_id TEXT PRIMARY KEY REFERENCES experiments (id),
    suggestions INTEGER NOT NULL DEFAULT 0,
    queued INTEGER NOT NULL DEFAULT 0,
    leased INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    observations INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    repeated INTEGER NOT NULL DEFAULT 0,
    points INTEGER NOT NULL DEFAULT 0,
    active_runs INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER experiment_added AFTER INSERT ON experiments BEGIN
    INSERT INTO progress (experiment_id) VALUES (NEW.id);
END;

CREATE TRIGGER suggestion_added AFTER INSERT ON suggestions BEGIN
    UPDATE progress SET
        suggestions = suggestions + 1,
        queued = queued + (NEW.state = 'queued'),
        leased = leased + (NEW.state = 'leased'),
        waiting = waiting + (NEW.state = 'waiting'),
        points = points + NOT (
            EXISTS (SELECT 1 FROM suggestions
                WHERE experiment_id = NEW.experiment_id AND point = NEW.point AND seq <> NEW.seq)
            OR EXISTS (SELECT 1 FROM observations
                WHERE experiment_id = NEW.experiment_id AND point = NEW.point))
    WHERE experiment_id = NEW.experiment_id;
END;

CREATE TRIGGER suggestion_moved AFTER UPDATE OF state ON suggestions
WHEN OLD.state <> NEW.state BEGIN
    UPDATE progress SET
        queued = queued + (NEW.state = 'queued') - (OLD.state = 'queued'),
        leased = leased + (NEW.state = 'leased') - (OLD.state = 'leased'),
        waiting = waiting + (NEW.state = 'waiting') - (OLD.state = 'waiting')
    WHERE experiment_id = NEW.experiment_id;
END;

CREATE TRIGGER observation_added AFTER INSERT ON observations BEGIN
    UPDATE progress SET
        observations = observations + 1,
        failed = failed + NEW.failed,
        repeated = repeated + EXISTS (SELECT 1 FROM observations
            WHERE suggestion_id = NEW.suggestion_id AND seq <> NEW.seq),
        points = points + (NEW.point IS NOT NULL AND NOT (
            EXISTS (SELECT 1 FROM suggestions
                WHERE experiment_id = NEW.experiment_id AND point = NEW.point)
            OR EXISTS (SELECT 1 FROM observations
                WHERE experiment_id = NEW.experiment_id AND point = NEW.point
                AND seq <> NEW.seq)))
    WHERE experiment_id = NEW.experiment_id;
END;

CREATE TRIGGER observation_corrected AFTER UPDATE OF failed ON observations
WHEN OLD.failed <> NEW.failed BEGIN
    UPDATE progress SET failed = failed + NEW.failed - OLD.failed
    WHERE experiment_id = NEW.experiment_id;
END;

CREATE TRIGGER observation_deleted AFTER DELETE ON observations BEGIN
    UPDATE progress SET
        observations = observations - 1,
        failed = failed - OLD.failed,
        repeated = repeated - EXISTS (SELECT 1 FROM observations
            WHERE suggestion_id = OLD.suggestion_id),
        points = points - (OLD.point IS NOT NULL AND NOT (
            EXISTS (SELECT 1 FROM suggestions
                WHERE experiment_id = OLD.experiment_id AND point = OLD.point)
            OR EXISTS (SELECT 1 FROM observations
                WHERE experiment_id = OLD.experiment_id AND point = OLD.point)))
    WHERE experiment_id = OLD.experiment_id;
END;

CREATE TRIGGER run_added AFTER INSERT ON runs BEGIN
    UPDATE progress SET active_runs = active_runs + (NEW.state = 'active')
    WHERE experiment_id = NEW.experiment_id;
END;

CREATE TRIGGER run_moved AFTER UPDATE OF state ON runs
WHEN OLD.state <> NEW.state BEGIN
    UPDATE progress SET
        active_runs = active_runs + (NEW.state = 'active') - (OLD.state = 'active')
    WHERE experiment_id = NEW.experiment_id;
END;
"""

# `suggestions` says how many there ever were, and stays.
_SUGGESTIONS_DELETED = """
CREATE TRIGGER suggestion_deleted AFTER DELETE ON suggestions BEGIN
    UPDATE progress SET
        queued = queued - (OLD.state = 'queued'),
        leased = leased - (OLD.state = 'leased'),
        waiting = waiting - (OLD.state = 'waiting'),
        points = points - NOT (
            EXISTS (SELECT 1 FROM suggestions
                WHERE experiment_id = OLD.experiment_id AND point = OLD.point)
            OR EXISTS (SELECT 1 FROM observations
                WHERE experiment_id = OLD.experiment_id AND point = OLD.point))
    WHERE experiment_id = OLD.experiment_id;
END;
"""

_NUM_SOLUTIONS = """
ALTER TABLE experiments ADD COLUMN num_solutions INTEGER NOT NULL DEFAULT 1
    CHECK (num_solutions >= 1);
"""

_ENGINE = """
ALTER TABLE experiments ADD COLUMN engine TEXT NOT NULL DEFAULT 'auto'
    CHECK (engine IN ('auto', 'ax'));
"""

# `task` is a task as JSON, the same text for the same one, and NULL without tasks. What evaluations
# cost together is the sum over the tasks of their numbers, which is exact as no sum of costs is.
_TASKS = """
ALTER TABLE experiments ADD COLUMN tasks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE suggestions ADD COLUMN task TEXT;
ALTER TABLE observations ADD COLUMN task TEXT;
ALTER TABLE runs ADD COLUMN task TEXT;

CREATE TABLE task_progress (
    experiment_id TEXT NOT NULL REFERENCES experiments (id),
    task TEXT NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    evaluated INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (experiment_id, task)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER experiment_with_tasks AFTER INSERT ON experiments WHEN NEW.tasks <> '[]' BEGIN
    INSERT INTO task_progress (experiment_id, task)
    SELECT NEW.id, value FROM json_each(NEW.tasks);
END;

CREATE TRIGGER task_suggested AFTER INSERT ON suggestions WHEN NEW.task IS NOT NULL BEGIN
    UPDATE task_progress SET
        leased = leased + (NEW.state = 'leased'),
        waiting = waiting + (NEW.state = 'waiting')
    WHERE experiment_id = NEW.experiment_id AND task = NEW.task;
END;

CREATE TRIGGER task_moved AFTER UPDATE OF state ON suggestions
WHEN NEW.task IS NOT NULL AND OLD.state <> NEW.state BEGIN
    UPDATE task_progress SET
        leased = leased + (NEW.state = 'leased') - (OLD.state = 'leased'),
        waiting = waiting + (NEW.state = 'waiting') - (OLD.state = 'waiting')
    WHERE experiment_id = NEW.experiment_id AND task = NEW.task;
END;

CREATE TRIGGER task_deleted AFTER DELETE ON suggestions WHEN OLD.task IS NOT NULL BEGIN
    UPDATE task_progress SET
        leased = leased - (OLD.state = 'leased'),
        waiting = waiting - (OLD.state = 'waiting')
    WHERE experiment_id = OLD.experiment_id AND task = OLD.task;
END;

CREATE TRIGGER task_observed AFTER INSERT ON observations WHEN NEW.task IS NOT NULL BEGIN
    UPDATE task_progress SET
        evaluated = evaluated + NOT EXISTS (SELECT 1 FROM observations
            WHERE suggestion_id = NEW.suggestion_id AND seq <> NEW.seq)
    WHERE experiment_id = NEW.experiment_id AND task = NEW.task;
END;

CREATE TRIGGER task_forgotten AFTER DELETE ON observations WHEN OLD.task IS NOT NULL BEGIN
    UPDATE task_progress SET
        evaluated = evaluated - NOT EXISTS (SELECT 1 FROM observations
            WHERE suggestion_id = OLD.suggestion_id)
    WHERE experiment_id = OLD.experiment_id AND task = OLD.task;
END;
"""
