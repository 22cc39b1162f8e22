"""Tables on a terminal of 80 columns."""

import io
import re
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from app.cli import tables, times

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
PART: dict[str, Any] = {
    "number": 1,
    "rows": 120_000,
    "imported": 0,
    "failed": 0,
    "warned": 0,
    "attempts": 0,
    "batch_id": None,
    "bundled_with": None,
    "state": "waiting",
    "waiting_for": "same_records",
    "blocked_by": {"import": 7, "part": 2, "since": "2026-11-25T09:59:00Z"},
    "next_attempt_at": None,
    "last_error": None,
    "error": None,
    "message": None,
}
IMPORT: dict[str, Any] = {
    "id": 1234,
    "client": "crm-sync",
    "instance": "default",
    "created_at": "2026-11-25T09:15:00Z",
    "file": {"name": "leads-of-the-trade-fairs-of-autumn.csv"},
    "label": None,
    "status": "importing",
    "attention": {"code": "unconfirmed"},
    "progress": 0.31,
    "rows": {"total": 1_200_000, "pending": 828_000},
    "not_before": None,
    "estimated_finish_at": "2026-11-25T12:30:00Z",
}


def printed(shown: RenderableType, *, width: int = 80) -> str:
    file = io.StringIO()
    Console(width=width, file=file, highlight=False).print(shown)
    return file.getvalue()


def test_states_and_remarks_of_parts_are_read_in_one_line():
    """A column in which no part has anything to say is left out, and so are Marketo's words on what went well."""
    done = PART | {"number": 2, "imported": 120_000, "attempts": 1, "batch_id": 3404, "state": "complete"}
    done |= {
        "waiting_for": None,
        "blocked_by": None,
        "message": "Import succeeded, 120000 records imported (120000 members)",
    }
    told = printed(tables.parts_table([PART, done, PART | {"number": 3, "state": "unconfirmed"}]))
    assert "failed" not in told
    assert "succeeded" not in told
    assert re.search(
        r"^ +1 +waiting +120,000 +0 +0 +waits for: same_records; *\n +part 2 of import 7 *$", told, re.MULTILINE
    ), told
    assert re.search(r"^ +2 +complete +120,000 +120,000 +1 +3404 *$", told, re.MULTILINE)
    assert re.search(r"^ +3 +unconfirmed +120,000", told, re.MULTILINE)


def test_a_part_that_is_tried_again_says_what_was_met_and_when_that_is():
    """Whoever may not see the import that goes first is not told which it is."""
    last = {"code": "713", "message": "Transient Error", "at": "2026-11-25T09:59:00Z"}
    again = PART | {"waiting_for": "retry", "blocked_by": None, "last_error": last}
    told = tables._remark(again | {"next_attempt_at": "2026-11-25T10:01:30Z"})
    assert told == "waits for: retry; Transient Error; tried again at 10:01:30Z"
    assert tables._remark(again) == "waits for: retry"
    hidden = PART | {"blocked_by": {"import": None, "part": None, "since": "2026-11-25T09:59:00Z"}}
    assert tables._remark(hidden) == "waits for: same_records"


def test_a_part_that_went_with_others_says_with_how_many():
    """As which batch, once Marketo has given it a number; then what else there is to say. Alone, it says nothing."""
    sent = PART | {"state": "submitting", "waiting_for": None, "blocked_by": None, "bundled_with": 41}
    assert tables._remark(sent) == "sent with 41 others"
    failed = {"state": "failed", "batch_id": 3404, "error": {"code": "given_up", "message": "Given up."}}
    assert tables._remark(sent | failed) == "sent with 41 others as batch 3404; Given up."
    done = sent | {"state": "complete", "batch_id": 3404, "bundled_with": 1, "message": "Import succeeded"}
    assert tables._remark(done) == "sent with 1 other as batch 3404"
    assert tables._remark(done | {"bundled_with": 0}) == ""


def test_an_instance_that_is_paused_says_by_whom():
    """And why, where that was said."""
    one = {
        "name": "default",
        "state": "paused",
        "reason": "a release",
        "paused": {"by": "ann", "since": "2026-11-25T09:59:00Z", "reason": "a release"},
        "limits": {"queued": 10},
        "slots": {"used": 0},
        "waiting": {"parts": 1, "rows": 2},
        "calls": {"today": 0, "quota": 50_000},
        "worker": None,
    }
    assert "paused by ann: a" in re.sub(r"\s+", " ", printed(tables.instances_table([one])))


def test_the_queue_keeps_its_headings_and_its_words_whole():
    """What gives way is the file's name."""
    told = printed(tables.queue_table([IMPORT], {}, NOW))
    assert max(map(len, told.splitlines())) <= 80
    for word in ("client", "file", "status", "attention", "crm-sync", "importing", "31%", "828,000", "2:30:00"):
        assert re.search(rf"(?<!\S){word}(?!\S)", told), told


def test_the_queue_says_why_an_import_waits_and_for_which_instance_where_there_are_several():
    """How old it is, its label beside its file, and what the first of its parts that waits says."""
    other = IMPORT | {"id": 1235, "instance": "sandbox", "label": "nightly", "attention": None}
    told = printed(tables.queue_table([IMPORT, other], {1235: PART}, NOW), width=160)
    assert re.search(r"^ +1234 +45m +crm-sync .* default ", told, re.MULTILINE), told
    (line,) = [line for line in told.splitlines() if "1235" in line]
    assert re.search(r"^ +1235 +45m .* sandbox +importing .* waits for: same_records", line), told
    assert "nightly" in told
    assert "instance" not in printed(tables.queue_table([IMPORT], {}, NOW))


ROW = {"source_row": 1_234, "reason": "Value for lookup field 'email' not found"}


def test_rejected_rows_stand_under_the_names_of_their_columns():
    """As many columns as there is room for, and how many there are beside; a long value is cut."""
    values = {"email": "", "firstName": "Ann", "notes": "a text that is longer than anybody would read here"}
    rows = [ROW | {"values": values}, ROW | {"source_row": None, "values": values}]
    wide = printed(tables.rows_table(rows, "Rejected rows", width=120), width=120)
    assert re.search(r"^ *row +email +firstName +notes +reason *$", wide, re.MULTILINE), wide
    assert re.search(r"^1,234 +Ann +a text that is longer…? .*Value for lookup field", wide, re.MULTILINE), wide
    assert re.search(r"^ +\? +Ann ", wide, re.MULTILINE)
    narrow = printed(tables.rows_table(rows, "Rejected rows", width=60), width=60)
    assert "reason (1 more columns)" in narrow
    assert max(map(len, narrow.splitlines())) <= 60


def test_an_age_is_told_in_its_largest_unit():
    """A clock that is behind makes nothing younger than now."""
    told = [times.format_age(seconds) for seconds in (-3, 0, 59.9, 60, 3_599, 7_200, 86_400 * 9.5)]
    assert told == ["0s", "0s", "59s", "1m", "59m", "2h", "9d"]


def test_an_import_that_may_not_begin_yet_says_when_it_may():
    """And not how many hours it is until the next millennium."""
    assert times.time_left(IMPORT | {"not_before": "2999-01-01T00:00:00Z"}, NOW) == "after 2999-01-01"
    assert times.time_left(IMPORT | {"not_before": "2026-11-25T11:00:00Z"}, NOW) == "after 11:00Z"
    assert times.time_left(IMPORT | {"not_before": "2026-11-25T09:00:00Z"}, NOW) == "2:30:00"
    assert times.time_left(IMPORT | {"estimated_finish_at": None}, NOW) == ""


JOB: dict[str, Any] = {
    "id": 31,
    "batch_id": 3404,
    "state": "importing",
    "object_type": "lead",
    "imports": 42,
    "parts": 43,
    "rows": 35_000,
    "imported": 12_000,
    "failed": 0,
    "warned": 0,
    "estimated_finish_at": "2026-11-25T10:00:21Z",
}


def test_a_job_says_whose_rows_it_has_and_how_long_it_still_takes():
    """In one line; a column in which no job has anything to say is left out."""
    sent = JOB | {"id": 32, "batch_id": None, "state": "submitting", "imported": 0, "estimated_finish_at": None}
    told = printed(tables.jobs_table([sent, JOB], NOW))
    assert "failed" not in told
    assert re.search(r"^ +32 +submitting +lead +42 +43 +35,000 +0 *$", told, re.MULTILINE), told
    assert re.search(r"^ +31 +3404 +importing +lead +42 +43 +35,000 +12,000 +0:00:21 *$", told, re.MULTILINE), told
