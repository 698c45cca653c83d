"""Reads a table of past results: a CSV file, a DataFrame, or rows as dicts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Protocol, TypeAlias

from nextpoint._fields import describe, number_from, printable
from nextpoint.errors import FieldViolation, InvalidArgumentError

# The names of pandas' types for what is not there, which no comparison finds.
_ABSENT = frozenset({"NAType", "NaTType"})


class DataFrame(Protocol):
    """What pandas and Polars have in common with each other, and with nothing else."""

    @property
    def columns(self) -> Iterable[object]:
        """The names of the columns."""


# A CSV file by its path, a DataFrame of pandas or Polars, or dicts with the columns as keys.
TableSource: TypeAlias = str | PathLike[str] | DataFrame | Iterable[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, for messages, and its cells by column, less the empty ones."""

    place: str
    cells: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and the rows; `ragged` are faults of its form."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    ragged: tuple[FieldViolation, ...] = ()


def read_table(source: TableSource) -> Table:
    """Return the table.

    Lines of a file are counted from 1, its header being the first; other rows from 0.

    Raises:
        InvalidArgumentError: It is not a table.
        OSError: The file cannot be read.
    """
    if isinstance(source, str | PathLike):
        return _read_file(fspath(source))
    if hasattr(source, "columns"):
        columns = tuple(str(each) for each in source.columns)
        return _table(columns, enumerate(_tuples_of(source)), "row")
    if not isinstance(source, Iterable) or isinstance(source, Mapping):
        raise _not_a_table(f"must be a file, a DataFrame or rows, got {describe(source)}")
    rows = list(source)
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise _not_a_table(f"must have mappings as rows, got {describe(row)} as row {index}")
    columns = tuple(dict.fromkeys(str(key) for row in rows for key in row))
    cells = ((index, [row.get(name) for name in columns]) for index, row in enumerate(rows))
    return _table(columns, cells, "row")


def _tuples_of(frame: object) -> Iterable[Sequence[object]]:
    rows: Iterable[Sequence[object]]
    if hasattr(frame, "itertuples"):
        rows = frame.itertuples(index=False, name=None)
    elif hasattr(frame, "iter_rows"):
        rows = frame.iter_rows()
    else:
        raise _not_a_table(f"must be a DataFrame of pandas or Polars, got {describe(frame)}")
    return rows


def _read_file(path: str) -> Table:
    # Spreadsheets put a mark before the first letter.
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 -- a plain string
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, None)
            if not header:
                raise _not_a_table(f"'{path}' has no header")
            lines = [(reader.line_num, line) for line in reader if line]
        except (csv.Error, UnicodeDecodeError) as error:
            raise _not_a_table(f"'{path}' is not CSV in UTF-8: {error}") from error
    return _table(tuple(header), lines, "line")


def _table(
    columns: tuple[str, ...], lines: Iterable[tuple[int, Sequence[object]]], word: str
) -> Table:
    rows, ragged = [], []
    for number, line in lines:
        place = f"{word} {number}"
        if len(line) != len(columns):
            fault = f"must have as many values as there are columns, {len(columns)}: {len(line)}"
            ragged.append(FieldViolation(place, fault))
            continue
        cells = {
            name: cell for name, cell in zip(columns, line, strict=True) if not _is_empty(cell)
        }
        rows.append(Row(place, cells))
    return Table(columns, tuple(rows), (*ragged, *_twice(columns)))


def _twice(columns: tuple[str, ...]) -> Iterator[FieldViolation]:
    for name in sorted({each for each in columns if columns.count(each) > 1}):
        yield FieldViolation(column_of(name), "is there more than once")


def column_of(name: str) -> str:
    """Return how messages name a column."""
    return f"column '{printable(name)}'"


def _is_empty(cell: object) -> bool:
    """Whether a cell holds nothing: None, an empty text, or what stands for a missing value."""
    if cell is None or type(cell).__name__ in _ABSENT:
        return True
    if isinstance(cell, str):
        return not cell.strip()
    number = number_from(cell)
    return number is not None and number != number  # noqa: PLR0124 -- only NaN is not itself


def _not_a_table(description: str) -> InvalidArgumentError:
    violation = FieldViolation("source", description)
    return InvalidArgumentError("the table is not valid:", violations=[violation])
