"""From a table of past results to the contract, and from the contract's paths back to the table."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nextpoint._fields import describe, is_text, number_from
from nextpoint._metadata import metadata_value_to_proto
from nextpoint._outcome import parameter_value_to_proto
from nextpoint._search_space import Bool, Categorical, Double, Int
from nextpoint._table import Row, Table, column_of
from nextpoint.errors import FieldViolation
from nextpoint.v1 import observation_pb2, observation_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nextpoint._records import ExperimentRecord
    from nextpoint._search_space import Parameter, UnknownParameter

FAILED = "failed"
TASK = "task"
_STDDEV = "_stddev"
_MOST_ROWS = 2500
_MOST_BYTES = 4 * 1024 * 1024
_OF_A_ROW = re.compile(r"observations\[(\d+)\]\.?(.*)")
_OF_A_KEY = re.compile(r"(?:assignments|metadata)\[['\"](.+)['\"]\]")
_OF_A_VALUE = re.compile(r"values\[(\d+)\]\.(\w+)")
_LEFT_OUT = re.compile(r"and \d+ more")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row as the contract has it, and where it stands.

    What its `refused` columns say cannot be sent; the row is only checked then.
    """

    place: str
    outcome: observation_service_pb2.NewObservation
    refused: frozenset[str] = frozenset()


def outcomes_from_table(
    table: Table, experiment: ExperimentRecord, notes: frozenset[str]
) -> tuple[list[ImportedRow], list[FieldViolation]]:
    """Return the rows, and what is wrong with the table so far.

    With a fault in the columns there are no rows.

    Args:
        table: The table.
        experiment: Whose parameters and metrics are the columns.
        notes: The columns that are kept as metadata.
    """
    faulty = [*_faults_of_columns(table, experiment, notes)]
    if faulty:
        return [], [*faulty, *table.ragged]
    violations = [*table.ragged]
    rows = []
    for row in table.rows:
        found: dict[str, str] = {}
        outcome = _outcome(row, experiment, notes, found)
        violations += [
            FieldViolation(f"{row.place}, {column_of(column)}", description)
            for column, description in found.items()
        ]
        rows.append(ImportedRow(row.place, outcome, frozenset(found)))
    return rows, violations


def _faults_of_columns(
    table: Table, experiment: ExperimentRecord, notes: frozenset[str]
) -> Iterator[FieldViolation]:
    switches = {each.name for each in experiment.conditionals}
    parameters = switches | {each.name for each in experiment.parameters}
    metrics = {each.name for each in experiment.metrics}
    stddevs = {f"{name}{_STDDEV}" for name in metrics}
    tasks = {TASK} if experiment.tasks else set()
    known = parameters | metrics | stddevs | notes | tasks | {FAILED}
    meanings = {
        "a parameter": parameters,
        "a metric": metrics,
        "the standard deviation of a metric": stddevs,
        "the task": tasks,
        "whether the evaluation failed": {FAILED},
        "metadata": notes,
    }
    for name in sorted(known, key=str):
        meant = [meaning for meaning, names in meanings.items() if name in names]
        if len(meant) > 1 and name in table.columns:
            yield FieldViolation(column_of(name), f"would be {' and '.join(meant)}")
    for name in (*sorted(parameters), *sorted(metrics), *sorted(notes), *sorted(tasks)):
        if name not in table.columns:
            yield FieldViolation(column_of(name), "is missing")
        elif not is_text(name):
            yield FieldViolation(column_of(name), f"must be a string, got {describe(name)}")
    for name in dict.fromkeys(table.columns):
        if name not in known:
            yield FieldViolation(
                column_of(name),
                f"is neither a parameter nor a metric, nor 'METRIC{_STDDEV}', nor '{FAILED}'; "
                "metadata_columns keeps others",
            )


def _outcome(
    row: Row, experiment: ExperimentRecord, notes: frozenset[str], found: dict[str, str]
) -> observation_service_pb2.NewObservation:
    cells = row.cells
    outcome = observation_service_pb2.NewObservation(failed=_flag(row, FAILED, found))
    switches = [Categorical(each.name, each.values) for each in experiment.conditionals]
    for parameter in (*switches, *experiment.parameters):
        if parameter.name in cells:
            value = _as_typed(parameter, cells[parameter.name])
            message = parameter_value_to_proto(value, real=isinstance(parameter, Double))
            if message is None:
                found[parameter.name] = "must be a number, a string or a bool"
            else:
                outcome.assignments[parameter.name].CopyFrom(message)
    for metric in experiment.metrics:
        name, stddev = metric.name, f"{metric.name}{_STDDEV}"
        if name in cells or stddev in cells:
            outcome.values.append(
                observation_pb2.MetricValue(
                    name=name,
                    value=_number(row, name, found),
                    value_stddev=_number(row, stddev, found),
                )
            )
    if experiment.tasks:
        outcome.task = str(cells.get(TASK, ""))
    for name in sorted(notes & cells.keys()):
        cell = cells[name]
        note = metadata_value_to_proto(cell) or metadata_value_to_proto(str(cell))
        if note is None:
            found[name] = f"must be a string, got {describe(cell)}"
        else:
            outcome.metadata[name].CopyFrom(note)
    return outcome


def _as_typed(parameter: Parameter | UnknownParameter, cell: object) -> object:
    """Return a cell as a value of the parameter's type where it says one; else as it is."""
    match parameter:
        case Double():
            return _parsed(cell)
        case Int():
            number = _parsed(cell)
            whole = isinstance(number, float) and number.is_integer()
            return int(number) if whole and isinstance(number, float) else number
        case Bool():
            return _flag_of(cell, otherwise=cell)
        case Categorical():
            return str(cell)
        case _:
            return cell


def _parsed(cell: object) -> object:
    """Return the number that a text says, and anything else as it is."""
    if not isinstance(cell, str) or "_" in cell:
        return cell
    for number in (int, float):
        with suppress(ValueError):
            return number(cell)
    return cell


def _flag_of(cell: object, *, otherwise: object) -> object:
    """Return the bool that a cell says; pandas writes those of a column with gaps as 1.0."""
    number = _parsed(cell)
    whole = int(number) if isinstance(number, float) and number.is_integer() else cell
    return _FLAGS.get(str(whole).strip().lower(), otherwise)


def _number(row: Row, column: str, found: dict[str, str]) -> float | None:
    if column not in row.cells:
        return None
    cell = row.cells[column]
    number = number_from(_parsed(cell))
    if number is None:
        found[column] = f"must be a number, got {describe(cell)}"
    return number


def _flag(row: Row, column: str, found: dict[str, str]) -> bool:
    cell = row.cells.get(column, False)
    flag = _flag_of(cell, otherwise=None)
    if flag is None:
        found[column] = f"must be true or false, got {describe(cell)}"
    return flag is True


def batches(rows: Iterable[ImportedRow]) -> Iterator[list[ImportedRow]]:
    """Yield the rows in lists that one call can carry."""
    batch: list[ImportedRow] = []
    size = 0
    for row in rows:
        bytes_of_row = row.outcome.ByteSize()
        if batch and (len(batch) == _MOST_ROWS or size + bytes_of_row > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += bytes_of_row
    if batch:
        yield batch


def batch_to_proto(
    experiment_id: str, batch: Sequence[ImportedRow], *, validate_only: bool = False
) -> observation_service_pb2.BatchCreateObservationsRequest:
    """Return the request to report the rows, or only to check them."""
    return observation_service_pb2.BatchCreateObservationsRequest(
        experiment_id=experiment_id,
        observations=[each.outcome for each in batch],
        validate_only=validate_only,
    )


def split_refused(
    batch: Sequence[ImportedRow], violations: Iterable[FieldViolation]
) -> tuple[list[FieldViolation], list[ImportedRow]]:
    """Return the violations of a batch's rows, told by row and column, and the other rows.

    That what could not be sent is missing was told before.
    """
    told, refused = [], set()
    for each in violations:
        match = _OF_A_ROW.fullmatch(each.field)
        # The service names as many as an answer has room for.
        if match is None or _LEFT_OUT.fullmatch(each.description):
            continue
        index = int(match[1])
        row = batch[index]
        refused.add(index)
        column = _column(match[2], row.outcome)
        # Whether there should be values depends on whether it failed.
        if (column or FAILED) not in row.refused:
            about = column_of(column) if column else match[2]
            place = f"{row.place}, {about}" if about else row.place
            told.append(FieldViolation(place, each.description))
    return told, [row for index, row in enumerate(batch) if index not in refused]


def _column(path: str, outcome: observation_service_pb2.NewObservation) -> str:
    """Return the column that the path is about, empty where it is about the row."""
    if path == TASK:
        return TASK
    if match := _OF_A_KEY.fullmatch(path):
        return match[1]
    if match := _OF_A_VALUE.fullmatch(path):
        suffix = _STDDEV if match[2] == "value_stddev" else ""
        return outcome.values[int(match[1])].name + suffix
    return ""
