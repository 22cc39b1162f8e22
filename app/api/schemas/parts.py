"""A part of an import."""

from pydantic import BaseModel, ConfigDict, Field

from app.api.openapi import examples
from app.api.schemas.fields import ErrorDetail, Moment, with_example
from app.domain.instances import WaitingFor
from app.domain.lifecycle import PartState
from app.domain.parts import TryError
from app.reporting.parts import Blockage, PartView


class AttemptError(BaseModel):
    """Why the last try that did not go through did not."""

    code: str
    message: str
    at: Moment

    @classmethod
    def of(cls, error: TryError | None) -> "AttemptError | None":
        return cls(code=error.code, message=error.message, at=error.at) if error else None


class Blocker(BaseModel):
    """The part that touches the same records and goes first; its ids are null for whoever may not see it."""

    import_id: int | None = Field(alias="import")
    part: int | None
    since: Moment

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def of(cls, blockage: Blockage | None) -> "Blocker | None":
        if blockage is None:
            return None
        blocker = blockage.blocker
        import_id, number = (blocker.import_id, blocker.number) if blocker else (None, None)
        return cls(import_id=import_id, part=number, since=blockage.since)


class Part(BaseModel):
    model_config = with_example(examples.PART)

    number: int
    state: PartState
    rows: int
    bytes: int
    batch_id: int | None
    bundled_with: int | None
    attempts: int
    imported: int
    failed: int
    warned: int
    message: str | None
    error: ErrorDetail | None
    last_error: AttemptError | None
    next_attempt_at: Moment | None
    waiting_for: WaitingFor | None
    blocked_by: Blocker | None
    submitted_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None

    @classmethod
    def of(cls, view: PartView) -> "Part":
        part = view.part
        return cls(
            number=part.number,
            state=part.state,
            rows=part.rows.total,
            bytes=part.size_bytes,
            batch_id=part.batch_id,
            bundled_with=part.bundled_with,
            attempts=part.attempts,
            imported=part.rows.imported,
            failed=part.rows.failed,
            warned=part.rows.warned,
            message=part.message,
            error=ErrorDetail.of(part.error),
            last_error=AttemptError.of(part.last_error),
            next_attempt_at=view.next_attempt_at,
            waiting_for=view.waiting_for,
            blocked_by=Blocker.of(view.blockage),
            submitted_at=part.submitted_at if part.batch_id else None,
            started_at=part.started_at,
            finished_at=part.finished_at,
        )


class PartPage(BaseModel):
    items: list[Part]
    next_page_token: str | None
