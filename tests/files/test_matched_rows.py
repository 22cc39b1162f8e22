"""The rows of a result file with what they are about."""

from app.files.matched_rows import MatchedRows
from app.files.result_matching import match_rows
from app.files.sent_rows import NOWHERE, Sent

SENT = Sent((b"email,Name\na@x,Ann\nb@x,Bob\n",), ",", ("email", "Name"), ("email",))


def matched(content: bytes) -> MatchedRows:
    return match_rows(content, SENT)


def test_a_matched_row_has_the_cells_that_were_sent():
    """One for each column, whichever of them the result file has."""
    (row,) = matched(b"EMAIL,Reason\nB@X,no\n")
    assert (row.place, row.reason, list(row.values), row.text, row.line) == (1, "no", ["b@x", "Bob"], None, 2)


def test_a_row_that_is_not_matched_has_the_cells_that_came():
    """None for columns that did not."""
    rows = matched(b"email,Reason\nz@x,no\n")
    (row,) = rows
    assert (row.place, row.reason, list(row.values)) == (NOWHERE, "no", ["z@x", None])
    assert rows.unplaced == [2]


def test_lines_that_cannot_be_read_are_one_row_with_their_text():
    """They belong together, and are counted once."""
    rows = matched(b"email,Name,Reason\nx\ny\na@x,Ann,no\n")
    assert len(rows) == len(list(rows)) == 2
    first, second = rows
    assert (first.place, first.text, list(first.values)) == (NOWHERE, "x\ny", [None, None])
    assert (second.place, second.text) == (0, None)
    assert rows.unplaced == [2]


def test_a_file_seems_cut_off_where_its_last_row_is_not_whole():
    """A last row without a line end that was sent is whole."""
    assert matched(b"email,Name,Reason\na@x,An").is_cut_off
    assert matched(b"email,Name,Reason").is_cut_off
    assert not matched(b"email,Name,Reason\na@x,Ann,no").is_cut_off
    assert not matched(b"email,Name,Reason\nz@x,Zed,no\n").is_cut_off
