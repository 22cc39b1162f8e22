"""Text without quotes, aligned with the row that was sent."""

import pytest

from app.files.row_alignment import reason_of, tokens_of


def reason(cells: list[str], *lines: str) -> str | None:
    """The reason behind the row with these cells, in its loose form; None where the lines are not that row."""
    token = reason_of(cells, tokens_of(lines, 0, len(lines), ","), ",")
    return token.text if token else None


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (["a", "b"], ("a,b,why",)),
        (["a", "b, c"], ("a,b, c,why",)),
        (["a", "b\nc"], ("a,b", "c,why")),
        (["a", "b\nc"], ("a,b c,why",)),
        (["A", "Zoë"], ("a,zoe,why",)),
        (["a", "a long text"], ("a,a long,why",)),
        (["a", "b\nc\nd"], ("a,b", "c,why")),
    ],
    ids=["plain", "delimiter", "line end", "line end as blank", "loose", "cut off", "cut off at a line end"],
)
def test_the_reason_follows_the_tokens_of_the_row(cells: list[str], lines: tuple[str, ...]):
    """Also where a cell was changed or cut off."""
    assert reason(cells, *lines) == "why"


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (["a", "b"], ("a,x,why",)),
        (["a", "b"], ("a,b",)),
        (["a", "b"], ("a,b,c,why",)),
        (["a", "b"], ("a",)),
        (["a", "b\nc"], ("a,b", "x,why")),
    ],
    ids=["another cell", "no reason", "a cell too many", "too short", "another line"],
)
def test_lines_that_are_not_the_row_have_no_reason(cells: list[str], lines: tuple[str, ...]):
    """The reason has to be the last of its line."""
    assert reason(cells, *lines) is None


def test_of_several_ways_the_one_with_the_most_lines_is_taken():
    """A cell that was cut off early could leave its own end as a reason."""
    token = reason_of(["a", "b\nc"], tokens_of(["a,b,no", "c,why"], 0, 2, ","), ",")
    assert token
    assert (token.line, token.text) == (0, "no")
    token = reason_of(["a", "\nc"], tokens_of(["a,", "c,why"], 0, 2, ","), ",")
    assert token
    assert (token.line, token.text) == (1, "why")


def test_tokens_know_their_place():
    """And no line is read behind the end of the file."""
    tokens = tokens_of(["x", "A,b", "c"], 1, 9, ",")
    assert [(token.text, token.line, token.cell, token.ends_line) for token in tokens] == [
        ("a", 1, 0, False),
        ("b", 1, 1, True),
        ("c", 2, 0, True),
    ]
