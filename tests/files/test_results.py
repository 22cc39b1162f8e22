"""Marketo's rows brought back to the file's, and our own files of them."""

import csv
import io

import numpy as np
import pytest

from app.domain.imports import Format
from app.files.results import GarbledResult, PartRows, ResultRow, placed, written

PART = b'email,Name,city\na@x,Ann,Oslo\nb@x,"Bo, ""B""",Rome\nc@x,"C\r\nC",Bern\n'
COLUMNS = ("email", "Name", "city")


def about(part=PART, *, columns=COLUMNS, first_row=1, numbers=None):
    """What a result file is held against."""
    count = sum(1 for row in csv.reader(io.StringIO(part.decode(), newline="")) if row) - 1
    numbers = np.arange(first_row, first_row + count) if numbers is None else np.array(numbers)
    return PartRows(text=part, format=Format.CSV, columns=columns, key_columns=("email",), numbers=numbers)


def places(result, part=PART, **said):
    """(source row, reason) of each row of a result."""
    return [(row.source_row, row.reason) for row in placed(result, about(part, **said))]


def test_rows_are_counted_from_the_part_s_first_row():
    """A part in the middle of a file knows where it begins."""
    assert places(b'email,Name,city,Reason\nb@x,"Bo, ""B""",Rome,bad\n', first_row=101) == [(102, "bad")]


@pytest.mark.parametrize(
    "result",
    [
        b'email,Name,city,Reason\r\nc@x,"C\nC",Bern,3\r\na@x,Ann,Oslo,1\r\n',
        b'"email","Name","city","Reason"\n"c@x","C\r\nC","Bern","3"\n"a@x","Ann","Oslo","1"\n',
        b'\xef\xbb\xbfName,city,Reason\n"C\nC",Bern,3\nAnn,Oslo,1\n',
        b"CITY,EMAIL,Reason\nBern,c@x,3\nOslo,a@x,1\n",
        b"city, email ,Id,Reason\n Bern ,c@x,77,3\n\nOslo,a@x,78,1\n",
    ],
    ids=["shuffled", "requoted", "lookup column dropped", "columns in another order", "with one more column"],
)
def test_a_row_finds_its_source_for_all_of_marketo_s_habits(result):
    """Order, quoting, line ends and columns are Marketo's own."""
    assert places(result) == [(3, "3"), (1, "1")]


def test_rows_that_do_not_follow_each_other_keep_their_own_numbers():
    """A part of rows that were set aside; 0 stands for one that nobody knows the number of."""
    result = b"email,Reason\nc@x,3\na@x,1\nb@x,2\n"
    assert places(result, numbers=[40, 7, 0]) == [(None, "3"), (40, "1"), (7, "2")]


NO_KEY = b"Name,city,email\nBenji,Rome,\nBenji,Rome,benji@x\nAnn,Oslo,a@x\n"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("Value for lookup field 'email' not found", 1), ("missing.dedupe.fields", 1), ("Invalid data", None)],
)
def test_a_row_whose_lookup_column_marketo_left_out_is_one_without_a_key(reason, expected):
    """The reason says so; any other reason leaves both rows that look alike in doubt."""
    result = f"Name,city,Import Failure Reason\nBenji,Rome,{reason}\n".encode()
    assert places(result, NO_KEY, columns=("Name", "city", "email")) == [(expected, reason)]


def test_a_short_row_in_a_result_is_one_with_its_trailing_blanks_cut_off():
    """Seen: the empty lookup cell at the end is missing, and the reason follows at once."""
    reason = "Value for lookup field 'email' not found"
    result = f"Name,city,email,Import Failure Reason\nBenji,Rome,{reason}\n".encode()
    assert places(result, NO_KEY, columns=("Name", "city", "email")) == [(1, reason)]


def test_a_reason_with_a_delimiter_in_it_is_one_reason():
    """Nobody knows whether Marketo quotes it."""
    assert places(b"email,Name,city,Reason\na@x,Ann,Oslo,bad, and worse\n") == [(1, "bad, and worse")]


def test_a_placed_row_has_all_the_values_of_its_source():
    """Also those that the result lacks."""
    [row] = placed(b"Name,Reason\nAnn,bad\n", about())
    assert row == ResultRow(1, "bad", ("a@x", "Ann", "Oslo"), part_row=0)


def test_a_row_that_is_not_in_the_part_is_given_as_it_is():
    """What nobody knows is None."""
    [row] = placed(b"Name,Reason\nEve,bad\n", about())
    assert row == ResultRow(None, "bad", (None, "Eve", None))


TWINS = b"email,Name\na@x,Ann\nb@x,Ann\nc@x,Cy\n"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b"Name,Reason\nAnn,bad\nCy,bad\n", [(None, "bad"), (3, "bad")]),
        (b"Name,Reason\nAnn,bad\nAnn,bad\n", [(1, "bad"), (2, "bad")]),
        (b"Name,Reason\nAnn,bad\nAnn,worse\n", [(None, "bad"), (None, "worse")]),
        (b"Name,Reason\nAnn,bad\nAnn,bad\nAnn,bad\n", [(None, "bad")] * 3),
    ],
    ids=["one of two", "both, for one reason", "both, for two reasons", "more than there are"],
)
def test_rows_that_look_alike_are_never_guessed(result, expected):
    """They are placed only where every way to place them is the same."""
    assert places(result, TWINS, columns=("email", "Name")) == expected


def test_many_rows_that_look_alike_are_placed_in_one_go():
    """A part of a hundred thousand twins takes no quadratic time."""
    count = 100_000
    found = places(b"a,Reason\n" + b"x,bad\n" * count, b"a\n" + b"x\n" * count, columns=("a",))
    assert [row for row, _ in found] == list(range(1, count + 1))


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"\n\n",
        b'email,Reason\na@x,"cut off',
        b'"email,Reason\na@x,b',
        b" <html><body>Sorry</body></html>",
        b"email\na@x\n",
        b"one,Reason\nx,bad\n",
        b"email,R\xff\n",
    ],
)
def test_what_is_no_result_file_is_garbled(result):
    """An error page, half a header, or somebody else's columns."""
    with pytest.raises(GarbledResult):
        placed(result, about())


def test_a_short_row_s_reason_is_not_taken_for_a_value():
    """The last cell is the reason, whatever is missing before it."""
    [row] = placed(b"email,Name,Reason\na@x,Ann\n", about())
    assert row == ResultRow(None, "Ann", ("a@x", "", None))


@pytest.mark.parametrize("format_", list(Format))
def test_our_own_file_is_read_back_by_csv(format_):
    """Whatever stands in the cells, line ends of all kinds included."""
    ugly = ('a,b;c\td"e', "x\ry", "x\ny\r\n")
    rows = [ResultRow(7, "bad\r", ugly), ResultRow(None, 'no "way"', (None, "", " "))]
    body = b"".join(written(rows, columns=COLUMNS, format=format_, reason_header="Reason", header=True))
    read = list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=format_.delimiter))
    assert read == [[*COLUMNS, "Reason", "Source Row"], [*ugly, "bad\r", "7"], ["", "", " ", 'no "way"', ""]]
    assert list(written([], columns=COLUMNS, format=format_, reason_header="Reason", header=False)) == []
