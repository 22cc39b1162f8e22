"""The rows of a Marketo job, by their cells in the columns that a result file has."""

import pytest

from app.files.sent_rows import NOWHERE, Sent, SentRows, lines_in, selecting

PART = b'email,Name,city\na@x,Ann,Oslo\nb@x,"Bo, B",Rome\nc@x,"C\r\nC"\na@x,Ann,Bern\n'


def sent(*texts: bytes, keys: tuple[str, ...] = ("email",)) -> Sent:
    return Sent(texts or (PART,), ",", ("email", "Name", "city"), keys)


def test_rows_are_numbered_through_all_files_and_each_keeps_its_bytes():
    """As they were sent, line ends included."""
    rows = SentRows(sent(PART, b"email,Name,city\r\nd@x,Dee,Nice\r\ne@x,Eve,Pisa"), [0], in_pieces=True)
    assert len(rows) == 6
    assert rows.record(2) == b'c@x,"C\r\nC"\n'
    assert rows.record(4) == b"d@x,Dee,Nice\r\n"
    assert rows.record(5) == b"e@x,Eve,Pisa"


def test_a_row_has_a_cell_for_each_column_that_was_sent():
    """Also a row that is shorter; its quotes are undone."""
    rows = SentRows(sent(), [0, 1, 2], in_pieces=True)
    assert rows.whole(1) == ["b@x", "Bo, B", "Rome"]
    assert rows.whole(2) == ["c@x", "C\r\nC", ""]


def test_rows_with_the_same_cells_in_the_shared_columns_are_a_group():
    """Columns that the result file lacks do not tell them apart."""
    rows = SentRows(sent(), [1, 0], in_pieces=True)
    assert rows.groups.tolist() == [0, 1, 2, 0]
    assert rows.group([" Ann ", "a@x"]) == 0
    assert rows.group(["ann", "a@x"]) == NOWHERE
    assert list(rows.of_group(0)) == ["Ann", "a@x"]
    assert rows.loose(0) == ["ann", "a@x"]
    assert list(rows.all_loose())[3] == ["ann", "a@x"]


def test_rows_that_would_come_in_pieces_without_quotes_are_known():
    """Those with a line end or a delimiter in a shared cell; they say how many lines they take."""
    rows = SentRows(sent(), [0, 1], in_pieces=True)
    assert rows.breakable.tolist() == [1, 2]
    assert rows.most_lines == rows.lines_of(2) == 2
    assert rows.broken
    assert not SentRows(sent(), [0, 1], in_pieces=False).broken
    assert not SentRows(sent(), [0, 2], in_pieces=True).broken


def test_a_key_is_whole_only_where_all_its_columns_are_shared():
    """Where some are not, the rows that are empty in these are known."""
    both = sent(b"email,Name,city\n,Ann,Oslo\nb@x,,Rome\n", keys=("email", "name"))
    rows = SentRows(both, [0, 1], in_pieces=True)
    assert (rows.has_whole_key, rows.lacks_keys) == (True, False)
    assert [rows.has_key(0), rows.has_key(1)] == [False, False]
    assert list(rows.by_key.rows(["b@x", ""])) == []
    lacking = SentRows(both, [1, 2], in_pieces=True)
    assert (lacking.has_whole_key, lacking.lacks_keys) == (False, True)
    assert lacking.keyless.tolist() == [True, False]


def test_columns_are_found_whatever_the_case_of_their_names():
    """Marketo writes them in its own."""
    assert sent().places_of(["CITY", " email ", "Id"]) == [2, 0, None]


@pytest.mark.parametrize(
    ("columns", "row", "cells"),
    [
        ([0, 1], ["a", "b", "c"], ["a", "b"]),
        ([2, 0], ["a", "b", "c"], ["c", "a"]),
        ([1], ["a", "b"], ["b"]),
        ([0, 2], ["a"], ["a", ""]),
    ],
)
def test_cells_are_selected_in_the_order_of_the_columns(columns: list[int], row: list[str], cells: list[str]):
    """Those that a row lacks are empty."""
    assert list(selecting(columns)(row)) == cells


def test_a_line_end_of_two_characters_is_one():
    """Of whatever kind they are."""
    assert [lines_in(text) for text in ("", "a\nb", "a\r\nb", "a\rb\n")] == [1, 2, 2, 3]
