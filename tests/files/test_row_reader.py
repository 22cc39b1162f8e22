"""A result file, read row by row."""

import pytest

from app.files.result_sheet import ResultSheet
from app.files.row_reader import RowReader
from app.files.sent_rows import NOWHERE, Sent, SentRows

PART = b'email,Name,city\na@x,Ann,Oslo\nb@x,"Bo, B",Rome\nc@x,"C\nC",Bern\n'
SENT = Sent((PART,), ",", ("email", "Name", "city"), ("email",))
HEADER = b"email,Name,city,Reason\n"


def read(*lines: bytes) -> list[tuple[int, int, int, str]]:
    """(first line, lines, group, reason) of each row of a result file with these lines behind its header."""
    sheet = ResultSheet(HEADER + b"\n".join(lines), SENT)
    rows = RowReader(sheet, SentRows(SENT, [there for _, there in sheet.shared], in_pieces=True)).rows()
    return [(row.line, row.lines, row.group, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ((b"a@x,Ann,Oslo,1", b'b@x,"Bo, B",Rome,2'), [(1, 1, 0, "1"), (2, 1, 1, "2")]),
        ((b'c@x,"C', b'C",Bern,3',), [(1, 2, 2, "3")]),
        ((b"c@x,C", b"C,Bern,3"), [(1, 2, 2, "3")]),
        ((b"b@x,Bo, B,Rome,2",), [(1, 1, 1, "2")]),
        ((b"a@x,Ann,Oslo,one, two",), [(1, 1, 0, "one, two")]),
        ((b"", b"a@x,Ann,Oslo,1", b"", b""), [(2, 1, 0, "1")]),
        ((b'a@x,"Ann,Oslo,1', b"a@x,Ann,Oslo,1"), [(1, 1, NOWHERE, "1"), (2, 1, 0, "1")]),
        ((b"z@x,Zed,Bonn,9",), [(1, 1, NOWHERE, "9")]),
    ],
    ids=[
        "correct quotes", "a quoted line end", "a line end without quotes", "a delimiter without quotes",
        "a delimiter in the reason", "blank lines", "a stray quote", "a row that was not sent",
    ],
)  # fmt: skip
def test_a_row_is_read_in_the_way_in_which_it_is_whole(lines: tuple[bytes, ...], rows: list[tuple[int, int, int, str]]):
    """A line that cannot be read affects no other row."""
    assert read(*lines) == rows


def test_a_line_with_too_few_cells_is_no_row():
    """It has the values that it has, and says how many cells there were."""
    sheet = ResultSheet(HEADER + b"a@x,why\n", SENT)
    (row,) = RowReader(sheet, SentRows(SENT, [0, 1, 2], in_pieces=True)).rows()
    assert (row.group, row.cells, row.reason) == (NOWHERE, 2, "why")
    assert list(row.values) == ["a@x", "", ""]


def test_bytes_that_are_no_utf_8_are_read_as_the_commonest_other_charset():
    """And are kept beside that as they came."""
    part = "email,Name\na@x,Zoë\n".encode()
    sent = Sent((part,), ",", ("email", "Name"), ("email",))
    sheet = ResultSheet(b"email,Name,Reason\na@x,Zo\xeb,no\n", sent)
    (row,) = RowReader(sheet, SentRows(sent, [0, 1], in_pieces=True)).rows()
    assert row.group == 0
    assert list(row.values) == ["a@x", "Zoë"]
    assert row.raw_values[1].encode("utf-8", "surrogateescape") == b"Zo\xeb"
