"""Tables on a terminal of 80 columns."""

import io
import re
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from app.cli import tables

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
PART: dict[str, Any] = {
    "number": 1,
    "rows": 120_000,
    "imported": 0,
    "failed": 0,
    "warned": 0,
    "attempts": 0,
    "batch_id": None,
    "state": "waiting",
    "waiting_for": "same_records",
    "error": None,
    "message": None,
}
IMPORT: dict[str, Any] = {
    "id": 1234,
    "client": "crm-sync",
    "file": {"name": "leads-of-the-trade-fairs-of-autumn.csv"},
    "label": None,
    "status": "importing",
    "attention": {"code": "unconfirmed"},
    "progress": 0.31,
    "rows": {"total": 1_200_000, "pending": 828_000},
    "not_before": None,
    "estimated_finish_at": "2026-11-25T12:30:00Z",
}


def printed(shown: RenderableType) -> str:
    file = io.StringIO()
    Console(width=80, file=file, highlight=False).print(shown)
    return file.getvalue()


def test_states_and_remarks_of_parts_are_read_in_one_line():
    """A column in which no part has anything to say is left out, and so are Marketo's words on what went well."""
    done = PART | {"number": 2, "imported": 120_000, "attempts": 1, "batch_id": 3404, "state": "complete"}
    done |= {"waiting_for": None, "message": "Import succeeded, 120000 records imported (120000 members)"}
    told = printed(tables.of_parts([PART, done, PART | {"number": 3, "state": "unconfirmed"}]))
    assert "failed" not in told
    assert "succeeded" not in told
    assert re.search(r"^ +1 +waiting +120,000 +0 +0 +waits for: same_records *$", told, re.MULTILINE), told
    assert re.search(r"^ +2 +complete +120,000 +120,000 +1 +3404 *$", told, re.MULTILINE)
    assert re.search(r"^ +3 +unconfirmed +120,000", told, re.MULTILINE)


def test_the_queue_keeps_its_headings_and_its_words_whole():
    """What gives way is the file's name."""
    told = printed(tables.of_queue([IMPORT], NOW))
    assert max(map(len, told.splitlines())) <= 80
    for word in ("client", "file", "status", "attention", "crm-sync", "importing", "31%", "828,000", "2:30:00"):
        assert re.search(rf"(?<!\S){word}(?!\S)", told), told


def test_an_import_that_may_not_begin_yet_says_when_it_may():
    """And not how many hours it is until the next millennium."""
    assert tables.left(IMPORT | {"not_before": "2999-01-01T00:00:00Z"}, NOW) == "after 2999-01-01"
    assert tables.left(IMPORT | {"not_before": "2026-11-25T11:00:00Z"}, NOW) == "after 11:00Z"
    assert tables.left(IMPORT | {"not_before": "2026-11-25T09:00:00Z"}, NOW) == "2:30:00"
    assert tables.left(IMPORT | {"estimated_finish_at": None}, NOW) == ""
