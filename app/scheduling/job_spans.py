"""Spans about a job: each belongs to the job's submission, and is linked to the requests that made its imports.

A job lives for hours, and may be followed by other processes than the one that sent it: so the trace context of its
submission is stored with it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from app.clock import ClockJumped
from app.domain.jobs import Job
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.store import job_queries, jobs
from app.store.database import AWAY, Database
from app.store.parts import Stale
from app.tracing import NO_SPAN, Fact, Span, Tracer

MOST_IDS = 100  # of imports that a span names
TURNED_AWAY = "turned_away"  # the job is gone, and its parts wait again


@dataclass(frozen=True, slots=True)
class JobSpans:
    """Nothing here stands in the way of the work: where the database is away, a span is linked to nothing."""

    db: Database
    fenced: FencedWriter
    tracer: Tracer

    @asynccontextmanager
    async def submitting(self, lease: Lease, job: Job) -> AsyncIterator[None]:
        """A span for its submission, to which all that follows will belong, and which says how it ended."""
        async with self.open("submit job", job) as span:
            yield
            if span.traceparent:
                with suppress(*AWAY, Stale, ClockJumped):
                    async with self.fenced.write(lease, share=True) as (tx, _):
                        kept = await jobs.keep_trace(tx, job.id, span.traceparent)
                    span.note(**(_facts(kept) if kept else {"state": TURNED_AWAY}))

    @asynccontextmanager
    async def open(self, name: str, job: Job) -> AsyncIterator[Span]:
        """Where traces are off, nothing is read."""
        if not self.tracer.is_on:
            yield NO_SPAN
            return
        parent: str | None = None
        of_imports: Mapping[int, str | None] = {}
        with suppress(*AWAY):
            async with self.db.read() as tx:
                parent, of_imports = await job_queries.trace_of(tx, job.id)
        facts = _facts(job) | {"import_ids": tuple(sorted(of_imports))[:MOST_IDS]}
        links = [traceparent for traceparent in of_imports.values() if traceparent]
        with self.tracer.span(name, facts=facts, parent=parent, links=links) as span:
            yield span


def _facts(job: Job) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"instance": job.instance, "job_id": job.id, "state": job.state, "parts": job.parts}
    return facts if job.batch_id is None else facts | {"batch_id": job.batch_id}
