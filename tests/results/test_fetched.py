"""What became of fetching a result file: a value that says what is told of it, and to whom."""

import pytest

from app.domain.answers import QueryFailed, RejectionReason, Unusable
from app.domain.incidents import CallError
from app.domain.parts import Rows
from app.results.fetched import INCOMPLETE, Fetched, LateFile, rows_by_files
from app.store.results import Kind
from tests.store.seed import AT


def test_a_file_with_no_rows_has_none_without_a_place():
    """Neither has one that never came."""
    for fetched in (Fetched(), INCOMPLETE, Fetched(b"what came")):
        assert len(fetched) == 0
        assert fetched.unplaced == ()
    assert INCOMPLETE.is_incomplete
    assert not Fetched().is_incomplete


def test_a_late_file_is_kept_as_one_word():
    """The file, and why it cannot be used: the column `results_late`, which `attention` reads."""
    late = LateFile.garbled(Kind.FAILURES, Unusable.HTML)
    assert str(late) == "failures:html"
    assert late.error(AT) == CallError(AT, "failures", "garbled_file", "a result file that cannot be used: html")


GARBLED = LateFile.garbled(Kind.WARNINGS, Unusable.CUT_OFF)
OURS = LateFile.ours(Kind.FAILURES, KeyError("a cell"))
UNANSWERED = LateFile(Kind.FAILURES, Unusable.NO_ANSWER, QueryFailed("no answer"))
LIMITED = LateFile(Kind.FAILURES, Unusable.REFUSED, QueryFailed("606", "606", RejectionReason.RATE_LIMIT))


@pytest.mark.parametrize(
    ("late", "is_of_the_part", "is_told_at_once"),
    [(GARBLED, True, True), (UNANSWERED, True, True), (OURS, True, False), (LIMITED, False, False)],
    ids=["garbled", "unanswered", "ours", "limited"],
)
def test_what_all_calls_wait_for_is_not_told_of_one_part(late: LateFile, is_of_the_part: bool, is_told_at_once: bool):
    """And a fault of this service is told once it has lasted: the next try may go well."""
    assert (late.is_of_the_part, late.is_told_at_once) == (is_of_the_part, is_told_at_once)


def test_SECRETS_STAY_IN_a_fault_of_ours_is_named_and_not_quoted():
    """Its words may quote a cell; the log has them."""
    error = OURS.error(AT)
    assert error.code == "internal_error"
    assert "KeyError" in error.message
    assert "a cell" not in error.message


class Rowed(Fetched):
    """A file of so many rows."""

    def __init__(self, count: int) -> None:
        object.__setattr__(self, "count", count)

    def __len__(self) -> int:
        return self.count  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("failed", "warned", "rows"),
    [(0, 0, Rows(5, 5, 0, 0)), (2, 1, Rows(5, 3, 2, 1)), (9, 9, Rows(5, 0, 5, 5))],
    ids=["none", "some", "more than there are"],
)
def test_where_marketo_gave_no_counts_its_files_do(failed: int, warned: int, rows: Rows):
    """There are never more rows than the part has: a row may have been rejected twice."""
    assert rows_by_files(Rows(5, 0, 0, 0), Rowed(failed), Rowed(warned)) == rows
