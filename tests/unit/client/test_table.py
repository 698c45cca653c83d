"""What is a table, and what is in it."""

import math

import pandas as pd
import pytest

import nextpoint
from nextpoint._table import read_table


class Polars:
    """As much of a Polars DataFrame as is looked at."""

    columns = ("x", "y")

    def iter_rows(self):
        return iter([(1, None), (2, 3.0)])


def cells(table):
    return [(row.place, dict(row.cells)) for row in table.rows]


def test_lines_of_a_file_count_from_its_header(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text('\ufeffx,name\n1,"two\nlines"\n\n3,\n', encoding="utf-8")

    table = read_table(path)

    assert table.columns == ("x", "name")
    assert cells(table) == [("line 3", {"x": "1", "name": "two\nlines"}), ("line 5", {"x": "3"})]
    assert read_table(str(path)) == table


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (pd.DataFrame({"x": [1, 2], "y": [math.nan, 3.0]}), [{"x": 1}, {"x": 2, "y": 3.0}]),
        (pd.DataFrame({"x": pd.array([1, None])}), [{"x": 1}, {}]),
        (Polars(), [{"x": 1}, {"x": 2, "y": 3.0}]),
        ([{"x": 1, "y": " "}, {"y": 3.0, "x": 2}], [{"x": 1}, {"x": 2, "y": 3.0}]),
        (iter([{"x": 1}, {"x": None}]), [{"x": 1}, {}]),
    ],
    ids=["pandas", "pandas with NA", "polars", "dicts", "an iterator of dicts"],
)
def test_rows_count_from_0_and_empty_cells_are_left_out(source, expected):
    assert cells(read_table(source)) == [
        (f"row {index}", row) for index, row in enumerate(expected)
    ]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("x,y\n1\n1,2\n1,2,3\n", {"line 2", "line 4"}),
        ("x,x\n1,2\n", {"column 'x'"}),
    ],
)
def test_lines_that_do_not_fit_the_header_are_named(tmp_path, text, faults):
    path = tmp_path / "past.csv"
    path.write_text(text)

    assert {each.field for each in read_table(path).ragged} == faults


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b'x,y\n1,"2'])
def test_what_is_no_csv_is_refused(tmp_path, content):
    path = tmp_path / "past.csv"
    path.write_bytes(content)

    with pytest.raises(nextpoint.InvalidArgumentError):
        read_table(path)


@pytest.mark.parametrize("source", [3, None, {"x": [1]}, [1, 2], ["x,y", "1,2"]])
def test_what_is_no_table_is_refused(source):
    with pytest.raises(nextpoint.InvalidArgumentError):
        read_table(source)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "nowhere.csv")
