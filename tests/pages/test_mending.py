"""Rejected rows as a table, and the corrected file that is made of it."""

import csv
import io

import pytest

from app.domain.errors import BadParameter
from app.domain.result_rows import ResultRow
from app.pages.mending import carriage_returns, column_of, corrected_file, mends_at_most, offered, sent_back

COLUMNS = ("email", "note")


def as_form(rows: list[ResultRow], **more: list[str]) -> dict[str, list[str]]:
    """What a browser sends of a table in which nothing was changed: lines of a cell end with CR LF."""
    table = offered(rows, COLUMNS)
    form = {
        "row": [str(row.source_row or "") for row in table],
        "why": [row.reason for row in table],
        "send": [str(index) for index in range(len(table))],
        "crlf": carriage_returns(table),
    }
    for column in range(len(COLUMNS)):
        values = [row.cells[column].value for row in table]
        form[f"c{column}"] = [value.replace("\r\n", "\n").replace("\n", "\r\n") for value in values]
    return form | more


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_is_not_changed_comes_back_as_it_was_whatever_its_cells_hold(delimiter: str):
    rows = [
        ResultRow(7, "why", ('a"b,c;d\te', "two\nlines")),
        ResultRow(9, "why", ("x", "two\r\nlines")),
        ResultRow(11, "why", (" blanks ", "")),
    ]
    body = corrected_file(sent_back(as_form(rows), COLUMNS), COLUMNS, delimiter)
    read = list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter))
    assert read[0] == ["email", "note", "Source Row"]
    assert read[1:] == [[*row.values, str(row.source_row)] for row in rows]


def test_rows_that_are_not_ticked_stay_out():
    rows = [ResultRow(number, "why", ("a", "b")) for number in (1, 2, 3)]
    body = corrected_file(sent_back(as_form(rows, send=["1"]), COLUMNS), COLUMNS, ",")
    assert body == b"email,note,Source Row\na,b,2\n"


def test_rows_that_a_form_cannot_hold_are_not_offered():
    rows = [
        ResultRow(1, "why", text="cannot be read"),
        ResultRow(2, "why", ("bytes that are no text \udcff", "")),
        ResultRow(3, "why", ("a NUL \0", "")),
        ResultRow(4, "why", ("too", "many", "cells")),
        ResultRow(5, "why", ("fine",)),
    ]
    (row,) = offered(rows, COLUMNS)
    assert row.source_row == 5
    assert [cell.value for cell in row.cells] == ["fine", ""]


def test_a_table_with_cells_missing_is_refused():
    form = as_form([ResultRow(1, "why", ("a", "b"))])
    for name in ("c1", "why"):
        with pytest.raises(BadParameter):
            sent_back({key: value for key, value in form.items() if key != name}, COLUMNS)


def test_a_wide_file_is_offered_in_fewer_rows():
    assert mends_at_most(4) == 300
    assert mends_at_most(90) == 20
    assert mends_at_most(5_000) == 1


@pytest.mark.parametrize(
    ("reason", "column"),
    [
        ("Invalid data type in field Lead Score", 1),
        ("Value for lookup field 'email' not found", 0),
        ("'Work Phone' is too long", 3),
        ("Something else", None),
        ("", None),
    ],
)
def test_the_column_that_a_reason_names_is_found_also_under_marketos_name(reason: str, column: int | None):
    columns = ("email", "leadScore", "id", "Phone at work")
    assert column_of(reason, columns, {"Phone at work": "workPhone"}) == column
