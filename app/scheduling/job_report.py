"""What Marketo's report on a job says of its part: the part's columns, and what the model of the queue learns."""

from datetime import datetime
from typing import Any

from app.domain.answers import MarketoStatus, Report
from app.domain.parts import Part, Rows
from app.scheduling.queue_model import Observation


def columns_of(part: Part, report: Report) -> dict[str, Any]:
    """The columns that a report fills: counts and message. What it leaves out stays as it was."""
    rows, is_too_many = _rows_of(part, report)
    return {
        "results_missing": is_too_many,
        "counted": part.counted or report.imported is not None,
        "imported": rows.imported,
        "failed": rows.failed,
        "warned": rows.warned,
        "message": report.message or part.message,
        "silent_since": None,
        "denials": 0,
        "failing_since": None,
    }


def observation_of(part: Part, report: Report, at: datetime) -> Observation:
    """What the report says of how long the job will still take."""
    rows, _ = _rows_of(part, report)
    rows_left = None if report.imported is None else rows.pending
    return Observation(at, rows_left, begun=report.status is MarketoStatus.IMPORTING)


def _rows_of(part: Part, report: Report) -> tuple[Rows, bool]:
    """(the counts, whether Marketo claims more rows than the part has)."""
    return Rows.counted(
        part.rows.total,
        imported=part.rows.imported if report.imported is None else report.imported,
        failed=part.rows.failed if report.failed is None else report.failed,
        warned=part.rows.warned if report.warned is None else report.warned,
    )
