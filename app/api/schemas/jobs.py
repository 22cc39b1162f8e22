"""A job: what one submission gave to Marketo."""

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.api.schemas.imports import ObjectType
from app.domain.lifecycle import JobState
from app.reporting.jobs import JobView


class Job(BaseModel):
    model_config = with_example(examples.JOB)

    id: int
    batch_id: int | None
    state: JobState
    object_type: ObjectType
    rows: int
    bytes: int
    parts: int
    imports: int
    imported: int
    failed: int
    warned: int
    message: str | None
    attempts: int
    submitted_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    estimated_finish_at: Moment | None

    @classmethod
    def of(cls, view: JobView) -> "Job":
        job = view.job
        return cls(
            id=job.id,
            batch_id=job.batch_id,
            state=job.state,
            object_type=job.object_type,
            rows=job.rows.total,
            bytes=job.size_bytes,
            parts=job.parts,
            imports=job.imports,
            imported=job.rows.imported,
            failed=job.rows.failed,
            warned=job.rows.warned,
            message=job.message,
            attempts=job.attempts,
            submitted_at=view.submitted_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            estimated_finish_at=view.estimated_finish_at,
        )


class JobPage(BaseModel):
    items: list[Job]
    next_page_token: str | None
