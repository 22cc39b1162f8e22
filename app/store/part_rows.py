"""A part as a row of the database, and the columns for what befalls it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_

from app.domain.lifecycle import PartState
from app.domain.parts import ConflictScope, Failure, Part, Rows, TryError
from app.store.tables import WAITING, part

STANDS_IN_LINE = part.c.turn.is_not(None)
"""Of a waiting part: that it has a place in the order of acceptance. Nothing is sent of an import under review."""


def tried(error: TryError, *, failing_since: datetime | None) -> dict[str, Any]:
    """The columns for a try that did not go through; `failing_since`: None where only its turn has not come."""
    return {
        "last_error_at": error.at,
        "last_error_code": error.code,
        "last_error_message": error.message,
        "failing_since": failing_since,
    }


def due(instance_name: str, now: datetime) -> ColumnElement[bool]:
    """Waiting parts whose time has come."""
    return and_(part.c.instance == instance_name, part.c.state == WAITING, STANDS_IN_LINE, part.c.due_at <= now)


def conflict_scope_of(row: Row[Any]) -> ConflictScope:
    return ConflictScope(row.import_id, row.space, row.key_fields, row.list_id, row.aside)


def failure_of(row: Row[Any]) -> Failure | None:
    """Why a part or a job failed."""
    return Failure(row.error_code, row.error_message, row.error_marketo_code) if row.error_code else None


def last_error_of(row: Row[Any]) -> TryError | None:
    """What the last call about a part or a job met that did not go through."""
    at = row.last_error_at
    return TryError(row.last_error_code, row.last_error_message, at) if at else None


def as_part(row: Row[Any]) -> Part:
    return Part(
        id=row.id,
        import_id=row.import_id,
        number=row.number,
        instance=row.instance,
        state=PartState(row.state),
        state_since=row.state_since,
        accepted_seq=row.turn,
        conflict_scope=conflict_scope_of(row),
        client=row.client,
        blocked_by=row.waits_for,
        blocked_since=row.waits_since,
        first_row=row.first_row,
        rows=Rows(row.rows, row.imported, row.failed, row.warned),
        size_bytes=row.bytes,
        job_id=row.job_id,
        bundled_with=row.bundled_with,
        alike=row.alike,
        header_bytes=row.header_bytes,
        separated_from=row.separated_from,
        batch_id=row.batch_id,
        attempts=row.attempts,
        due_at=row.due_at,
        retry_code=row.retry_code,
        message=row.message,
        error=failure_of(row),
        silent_since=row.silent_since,
        denials=row.denials,
        last_error=last_error_of(row),
        failing_since=row.failing_since,
        counted=row.counted,
        results_missing=row.results_missing,
        results_late=row.results_late,
        unplaced=row.unplaced,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
