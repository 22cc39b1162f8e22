"""What Marketo's report on a job says: the job's columns, and what the model of the queue learns."""

from datetime import datetime
from typing import Any

from app.domain.answers import MarketoStatus, Report
from app.domain.jobs import Job
from app.domain.parts import Rows
from app.scheduling.queue_model import Observation


def columns_of(job: Job, report: Report) -> dict[str, Any]:
    """The columns that a report fills: counts and message. What it leaves out stays as it was."""
    rows, is_too_many = _rows_of(job, report)
    return {
        "results_missing": is_too_many,
        "counted": job.counted or report.imported is not None,
        "imported": rows.imported,
        "failed": rows.failed,
        "warned": rows.warned,
        "message": report.message or job.message,
        "silent_since": None,
        "denials": 0,
        "failing_since": None,
    }


def observation_of(job: Job, report: Report, at: datetime) -> Observation:
    """What the report says of how long the job will still take."""
    rows, _ = _rows_of(job, report)
    rows_left = None if report.imported is None else rows.pending
    return Observation(at, rows_left, begun=report.status is MarketoStatus.IMPORTING)


def _rows_of(job: Job, report: Report) -> tuple[Rows, bool]:
    """(the counts, whether Marketo claims more rows than the job has)."""
    return Rows.counted(
        job.rows.total,
        imported=job.rows.imported if report.imported is None else report.imported,
        failed=job.rows.failed if report.failed is None else report.failed,
        warned=job.rows.warned if report.warned is None else report.warned,
    )
