"""A result file as Marketo sent it: its lines, its header, or what it is instead."""

import pytest

from app.domain.answers import Unusable
from app.files.result_sheet import GarbledResult, ResultSheet, lenient
from app.files.sent_rows import Sent

SENT = Sent((b"email,Name\na@x,Ann\n",), ",", ("email", "Name"), ("email",))


def test_the_shared_columns_are_where_both_files_have_them():
    """The last column is the reason, and is never one of them."""
    sheet = ResultSheet(b"NAME,Id,Email,Import Failure Reason\nAnn,7,a@x,no\n", SENT)
    assert sheet.shared == [(0, 1), (2, 0)]
    assert sheet.width == 4
    assert not sheet.has_only_known_columns
    assert ResultSheet(b"Name,email,Name\nx,y,z\n", SENT).has_only_known_columns


def test_lines_end_in_any_way_and_blank_ones_before_the_header_do_not_count():
    """A byte order mark is taken off."""
    sheet = ResultSheet(b"\xef\xbb\xbf\r\nemail,Reason\r\na@x,no\rb@x,no", SENT)
    assert sheet.lines == ["", "email,Reason", "a@x,no", "b@x,no"]
    assert sheet.begin == 2
    assert not sheet.ends_whole
    assert sheet.text(2, 4) == "a@x,no\nb@x,no"
    assert ResultSheet(b"email,Reason\n", SENT).ends_whole


def test_bytes_that_are_no_utf_8_are_kept():
    """They come out as they went in."""
    sheet = ResultSheet(b"email,Reason\n\xe9@x,no\n", SENT)
    assert sheet.has_odd_bytes
    assert sheet.lines[1].encode("utf-8", "surrogateescape") == b"\xe9@x,no"
    assert not ResultSheet("email,Reason\né@x,no\n".encode(), SENT).has_odd_bytes


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html></html>", Unusable.HTML),
        (b' \n{"success": false}', Unusable.JSON),
        (b"[]", Unusable.JSON),
        (b"", Unusable.NO_HEADER),
        (b"\n\n", Unusable.NO_HEADER),
        (b"email\na@x\n", Unusable.NO_HEADER),
        (b"Id,Reason\n7,no\n", Unusable.OTHER_COLUMNS),
    ],
)
def test_what_is_no_result_file_says_what_it_is(content: bytes, why: Unusable):
    """It is asked for again, and the history tells what came."""
    with pytest.raises(GarbledResult) as garbled:
        ResultSheet(content, SENT)
    assert garbled.value.unusable is why


def test_a_line_with_wrong_quotes_has_cells_all_the_same():
    """As Python's csv reads them when it is not strict."""
    assert lenient('a,"b"c,d', ",") == ["a", "bc", "d"]
    assert lenient("", ",") == []
