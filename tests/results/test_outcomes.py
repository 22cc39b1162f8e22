"""What became of each part's own rows. EACH_ITS_OWN, and NOT_A_GUESS where rows are nobody's."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.parts import Part, Rows
from app.results.fetched import Fetched
from app.results.outcomes import failed_for_one_reason, outcomes_of, own_rows
from app.store.results import Owner
from tests.domain.test_instances import part
from tests.results.test_matching import PARTS, matched
from tests.scheduling.test_job_report import JOB

NOTHING = Fetched()
FAILURES = b"email;Name;Reason\nf@x;Fay;r5\nb@x;Bo;r1\nd@x;Dee;r3\n"
STRANGERS = b"email;Name;Reason\nb@x;Bo;r1\nz@x;Zed;r9\n"


def parts(count: int = 3) -> list[Part]:
    return [
        replace(part(), id=10 + n, import_id=20 + n, number=1, rows=Rows(sent.rows, 0, 0, 0))
        for n, sent in enumerate(PARTS[:count])
    ]


def counts(outcomes: Any) -> list[tuple[int, int, int]]:
    return [(own["imported"], own["failed"], own["warned"]) for own in outcomes.values()]


def test_EACH_ITS_OWN_the_sums_over_the_parts_are_marketos():
    """Of two, one and three rows."""
    failures = Fetched(FAILURES, matched(FAILURES))
    found = outcomes_of(parts(), Rows(6, 3, 3, 1), failures, Fetched(STRANGERS[:28], matched(STRANGERS[:28])))
    assert list(found) == [10, 11, 12]
    assert counts(found) == [(1, 1, 1), (1, 0, 0), (1, 2, 0)]


def test_NOT_A_GUESS_what_is_nobodys_counts_as_imported_for_none_who_may_have_it():
    """One failed row cannot be matched: each part may have one row less than it would."""
    found = outcomes_of(parts(), Rows(6, 4, 2, 0), Fetched(STRANGERS, matched(STRANGERS), is_incomplete=True), NOTHING)
    assert counts(found) == [(0, 1, 0), (0, 0, 0), (2, 0, 0)]


def test_rows_that_marketo_never_counted_are_as_uncertain():
    """It says four of six, and no more is to come."""
    assert counts(outcomes_of(parts(), Rows(6, 4, 0, 0), NOTHING, NOTHING)) == [(0, 0, 0), (0, 0, 0), (1, 0, 0)]


def test_of_a_job_of_one_part_the_counts_are_marketos_own():
    """Whatever its files have."""
    (only,) = parts(1)
    assert counts(outcomes_of([only], Rows(2, 1, 1, 1), Fetched(is_incomplete=True), NOTHING)) == [(1, 1, 1)]


@given(pending=st.integers(0, 6), failed=st.integers(0, 6))
def test_nobody_gets_more_than_marketo_counted(pending: int, failed: int):
    """Whatever is missing: imported and failed rows together are never more than it says, nor than a part has."""
    failed = min(failed, 6 - pending)
    rows = Rows(6, 6 - pending - failed, failed, 0)
    found = counts(outcomes_of(parts(), rows, NOTHING, NOTHING))
    assert sum(imported for imported, _, _ in found) <= rows.imported
    assert all(0 <= imported <= sent.rows for (imported, _, _), sent in zip(found, PARTS, strict=True))


def test_EACH_ITS_OWN_rows_are_given_with_their_owner():
    """A row that is nobody's is shown only where the job has one part: then it is that one's."""
    fetched = Fetched(STRANGERS, matched(STRANGERS))
    assert [(owner, row.reason) for owner, row in own_rows(parts(), fetched)] == [(Owner(20, 1), "r1")]
    alone = Fetched(STRANGERS, matched(STRANGERS, PARTS[:1]))
    assert [(owner, row.reason) for owner, row in own_rows(parts(1), alone)] == [
        (Owner(20, 1), "r1"),
        (Owner(20, 1), "r9"),
    ]
    assert list(own_rows(parts(), NOTHING)) == []


@pytest.mark.parametrize(
    ("content", "failed", "reason"),
    [
        (FAILURES, 3, None),
        (FAILURES.replace(b"r1", b"r5").replace(b"r3", b"r5"), 3, "r5"),
        (FAILURES.replace(b"r1", b"r5").replace(b"r3", b"r5"), 2, None),
    ],
)
def test_NO_SHARED_BLAME_it_is_seen_where_all_rows_failed_for_one_reason(
    content: bytes, failed: int, reason: str | None
):
    """And no other row was imported."""
    job = replace(JOB, parts=3, counted=True, rows=Rows(3, 3 - failed, failed, 0))
    assert failed_for_one_reason(job, Fetched(content, matched(content))) == reason
    assert failed_for_one_reason(job, NOTHING) is None
    uncounted = replace(job, counted=False, rows=Rows(3, 0, 0, 0))
    assert failed_for_one_reason(uncounted, Fetched(content, matched(content))) == (
        None if content is FAILURES else "r5"
    )
