"""A job's result file becomes result rows of its parts, each with its row in the upload."""

import numpy as np
import pytest

from app.domain.result_rows import ResultRow
from app.files import row_numbers
from app.files.compression import pack
from app.files.result_sheet import GarbledResult
from app.results.fetched import SplitRows
from app.results.matching import SentPart, match_job_file, result_rows
from app.store.part_files import StoredFile

HEADER = b"email;Name\r\n"


def sent_part(records: bytes, numbers: list[int]) -> SentPart:
    stored = StoredFile(pack(HEADER + records), row_numbers.written(np.array(numbers)))
    return SentPart(stored, first_row=numbers[0], rows=len(numbers))


PARTS = [
    sent_part(b"a@x;Ann\r\nb@x;Bo", [4, 9]),
    sent_part(b'c@x;"C\r\nY"\r\n', [1]),
    sent_part(b"d@x;Dee\r\ne@x;Ed\r\nf@x;Fay\r\n", [500_001, 500_002, 500_003]),
]


def matched(content: bytes, parts: list[SentPart] = PARTS) -> SplitRows:
    return match_job_file(content, parts, delimiter=";", columns=("email", "Name"), key_columns=("email",))


def test_EACH_ITS_OWN_each_parts_rows_have_their_numbers_in_its_upload():
    """Which parts' rows need not follow each other; and the values are those that its import sent."""
    found = matched(b'email;Name;Reason\nf@x;fay;r5\nb@x;Bo;r1\nc@x;"C\nY";r2\nd@x;Dee;r3\n')
    assert [list(result_rows(own)) for own in found.of_parts] == [
        [ResultRow(9, "r1", ["b@x", "Bo"], part_row=1)],
        [ResultRow(1, "r2", ["c@x", "C\r\nY"], part_row=0)],
        [ResultRow(500_003, "r5", ["f@x", "Fay"], part_row=2), ResultRow(500_001, "r3", ["d@x", "Dee"], part_row=0)],
    ]
    assert list(result_rows(found.without_part)) == []
    assert found.rows.unplaced == []


def test_EACH_ITS_OWN_a_row_without_a_place_is_of_no_part():
    """It has no number, but what came of it."""
    found = matched(b"email;Name;Reason\nz@x;Zed;r9\na@x;Ann;r0\nodd\n")
    assert [len(own.rows) for own in found.of_parts] == [1, 0, 0]
    stranger, odd = result_rows(found.without_part)
    assert (stranger.source_row, stranger.part_row, stranger.reason) == (None, None, "r9")
    assert list(stranger.values) == ["z@x", "Zed"]
    assert (odd.source_row, odd.text) == (None, "odd")
    assert found.rows.unplaced == [2, 4]


def test_a_file_that_is_no_result_file_is_refused_for_the_whole_job():
    """As for a job of one part."""
    with pytest.raises(GarbledResult):
        matched(b"<html>busy</html>")


def test_NOT_A_GUESS_parts_that_have_other_rows_than_are_stored_of_them_are_not_matched():
    """Every row behind them would be taken for another import's."""
    with pytest.raises(AssertionError, match="nobody's row"):
        matched(b"email;Name;Reason\na@x;Ann;r0\n", [*PARTS, sent_part(b"g@x;Gus\r\n", [1, 2])])
