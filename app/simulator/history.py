"""What happened: calls, errors, jobs and faults, as one report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.simulator.jobs import Job


@dataclass(slots=True)
class History:
    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    jobs: list[Job] = field(default_factory=list)

    def carried(self, batch_id: int) -> dict[str, Any]:
        """What a job carried, ready for JSON. Errors: ValueError, where there is none, or nothing of it was kept."""
        job = next((job for job in self.jobs if job.batch_id == batch_id), None)
        if job is None:
            raise ValueError(f"there is no job {batch_id}")
        if job.carried is None:
            raise ValueError("jobs are not kept: start the simulator with --keep-jobs")
        return job.carried.as_dict()

    def note(self, endpoint: str, code: str | None) -> None:
        """A call that was answered; `code` is its error's, or the HTTP status where there is no other."""
        self.calls[endpoint] += 1
        if code is not None:
            self.errors[code] += 1


def job_entry(job: Job, now: float) -> dict[str, Any]:
    processed, failed, warned = job.counts_at(now)
    return {
        "batch_id": job.batch_id,
        "object_type": job.target.object_type if job.target else None,
        "object_name": job.target.object_name if job.target else None,
        "list_id": job.target.list_id if job.target else None,
        "program_id": job.target.program_id if job.target else None,
        "sha256": job.sha256,
        "file_bytes": job.file_bytes,
        "overhead_bytes": job.overhead_bytes,
        "rows": job.rows,
        "status": job.status,
        "queued_at": job.queued_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "processed": processed,
        "failed": failed,
        "warned": warned,
    }
