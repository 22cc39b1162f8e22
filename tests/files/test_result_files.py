"""Our own files of failures and warnings, and Marketo's form of them."""

import csv
import io

import pytest

from app.domain.formats import Format
from app.domain.result_rows import ResultRow
from app.files.result_files import marketo_file, own_file

COLUMNS = ("email", "Name", "city")
UGLY = ('a,b;c\td"e', "x\ry", "x\ny\r\n")  # line ends of all kinds included
ROWS = [ResultRow(7, "bad\r", UGLY), ResultRow(None, 'no "way"', (None, "", " "))]


def read(body: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("format_", list(Format))
def test_our_own_file_is_read_back_by_csv(format_: Format):
    """Whatever stands in the cells."""
    body = b"".join(own_file(ROWS, columns=COLUMNS, format=format_, reason_header="Reason", header=True))
    assert read(body, format_.delimiter) == [
        [*COLUMNS, "Reason", "Source Row"],
        [*UGLY, "bad\r", "7"],
        ["", "", " ", 'no "way"', ""],
    ]
    assert list(own_file([], columns=COLUMNS, format=format_, reason_header="Reason", header=False)) == []


def test_what_cannot_be_read_stands_behind_its_reason_and_in_no_cell():
    """Nobody takes a piece of it for a value; what is no text has a replacement character."""
    row = ResultRow(None, "Unreadable", (None, None, None), "Leeds\nLtd,\udce9\0")
    body = b"".join(own_file([row], columns=COLUMNS, format=Format.CSV, reason_header="Reason", header=False))
    assert read(body) == [["", "", "", "Unreadable: Leeds\nLtd,\ufffd\ufffd", ""]]


def test_in_marketos_form_there_are_no_numbers_and_what_cannot_be_read_is_as_it_came():
    """Byte for byte."""
    rows = [*ROWS[:1], ResultRow(None, "Unreadable", (None, None, None), "Leeds\nLtd,\udce9\0")]
    body = b"".join(marketo_file(rows, columns=COLUMNS, format=Format.CSV, reason_header="Reason", header=True))
    assert body.endswith(b"Leeds\nLtd,\xe9\0\n")
    assert read(body.removesuffix(b"Leeds\nLtd,\xe9\0\n")) == [[*COLUMNS, "Reason"], [*UGLY, "bad\r"]]
