"""Rows that come back in pieces, found by what they look like without quotes."""

import pytest

from app.files.broken_rows import BrokenRows


def rows(*cells: list[str], keys: tuple[int, ...] = (0,), expected_lines: int = 100) -> BrokenRows:
    """An index of these rows, numbered from 0, that a file of so many lines is compared with."""
    broken = BrokenRows(",", keys, width=len(cells[0]))
    for row, values in enumerate(cells):
        broken.add(row, values)
    broken.expect(expected_lines)
    return broken


def found(broken: BrokenRows, *lines: str, of_one_line: bool = False) -> list[tuple[int, int, str]]:
    """(row, how many lines it takes, reason) of each row that may begin at the first of these lines."""
    return [(match.row, match.lines, match.reason) for match in broken.at(lines, 0, of_one_line=of_one_line)]


def test_a_row_of_several_lines_is_found_by_its_text():
    """The reason stands behind its last line."""
    broken = rows(["a", "b\r\nc"], ["x", "y\nz"])
    assert found(broken, "a,b", "c,why", "next") == [(0, 2, "why")]
    assert broken.may_begin("x,y")
    assert not broken.may_begin("c,why")


def test_a_row_whose_other_cells_were_changed_is_found_by_its_key():
    """A row of one line only if no other row is found, and only where it is asked for."""
    assert found(rows(["key", "Some\nText"]), "key,some", "text,why") == [(0, 2, "why")]
    one_line = rows(["key", "Some, Text"])
    assert found(one_line, "key,some, text,why", of_one_line=True) == [(0, 1, "why")]
    assert found(one_line, "key,some, text,why") == []
    assert found(rows(["key", "Some\nText"], keys=()), "key,some", "text,why") == []


def test_of_rows_with_the_same_text_but_other_cells_two_are_told():
    """So that neither is chosen; of equal rows one is enough."""
    assert len(found(rows(["a", "b,c", "\n"], ["a,b", "c", "\n"], keys=()), "a,b,c,", ",why")) == 2
    assert len(found(rows(["a", "b\nc"], ["a", "b\nc"]), "a,b", "c,why")) == 1


@pytest.mark.parametrize("but", [None, 0])
def test_cells_may_be_a_piece_of_a_row(but: int | None):
    """Of another one than `but`."""
    broken = rows(["a", "one\ntwo"])
    assert broken.hold(["a", "one"], but=but) is (but is None)
    assert not broken.hold(["b", "one"], but=but)


def test_the_work_is_bounded():
    """Behind the bound nothing more is found; a row of more than 100 lines is not put together at all."""
    broken = rows(["a", "b\nc"], expected_lines=0)
    for _ in range(200):
        broken.at(["a,b", "x,y"], 0, of_one_line=True)
    assert broken.is_tired
    assert found(broken, "a,b", "c,why") == []
    long = rows(["a", "\n".join("x" * 101)])
    assert not long
    assert found(long, *["a,x", *"x" * 99, "x,why"]) == []
