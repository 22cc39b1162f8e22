"""Collect: fetch what Marketo says of single rows while it still knows.

RESULTS_BEFORE_DONE: the rows are stored first, some thousand in a transaction; then files, counts and the last move
are one transaction. Whoever dies in between leaves rows that the next one replaces.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.clock import Clock
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, Move
from app.domain.parts import Part
from app.files.compression import pack
from app.results.fetched import Fetched, LateFile, rows_by_files
from app.results.fetching import ResultFiles
from app.results.late_files import LateFiles
from app.results.outcomes import failed_for_one_reason, outcomes_of, own_rows
from app.scheduling.back_off import BackOff
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.job_spans import JobSpans
from app.scheduling.lease import Lease
from app.scheduling.separation import separated
from app.store import import_queries, imports, instances, job_queries, jobs, results
from app.store.database import Database
from app.store.parts import Stale
from app.store.results import Kind, Owner
from app.store.transaction import Transaction

STORED_ROWS = 2000  # in one transaction
LINES_TOLD = 100  # of rows that have no place, in an event


@dataclass(frozen=True, slots=True)
class Collect:
    db: Database
    fenced: FencedWriter
    result_files: ResultFiles
    late_files: LateFiles
    back_off: BackOff
    spans: JobSpans
    now: Clock
    hit: FailpointHit

    async def run_once(self, lease: Lease) -> bool:
        """Collect the results of one job. True when one was completed. Network: up to two GETs."""
        at, jump_id = self.now(), self.now.jump_id
        async with self.db.read() as tx:
            due = await job_queries.in_states(tx, lease.instance, {JobState.COLLECTING}, due=at, limit=1)
            instance = await instances.get(tx, lease.instance) if due else None
        if instance is None or not instance.may_ask(at) or not lease.holds(self.now.monotonic()):
            return False
        job = due[0]
        try:
            async with self.spans.open("collect job", job):
                return await self._collect(lease, job, jump_id)
        except Stale:
            return False
        except Exception as mistake:  # whatever is wrong with this job, the others must not wait behind it
            await self._ask_again(lease, job, [LateFile.ours(Kind.FAILURES, mistake)])
            raise

    async def _collect(self, lease: Lease, job: Job, jump_id: int) -> bool:
        async with self.db.read() as tx:
            parts = await job_queries.parts_of(tx, job.id)
            summary = await import_queries.summary_of_job(tx, job.id)
        failures = await self.result_files.fetch(job, parts, summary, Kind.FAILURES, job.rows.failed)
        warnings = await self.result_files.fetch(job, parts, summary, Kind.WARNINGS, job.rows.warned)
        if isinstance(failures, LateFile) or isinstance(warnings, LateFile):
            late = [file for file in (failures, warnings) if isinstance(file, LateFile)]
            await self._ask_again(lease, job, late)
            return False
        self.now.expect(jump_id)  # what is missing was waited for by a clock that still counts
        self.hit(Failpoint.FETCHED)
        if job.parts > 1 and (reason := failed_for_one_reason(job, failures)):
            await self._separate(lease, job, reason)
            return True
        await self._keep_rows(lease, job, parts, failures, warnings)
        await self._complete(lease, job, parts, failures, warnings)
        self.hit(Failpoint.COLLECTED)
        return True

    async def _separate(self, lease: Lease, job: Job, reason: str) -> None:
        """Every row failed, and for the same reason: it may be what one part did to all."""
        async with self.fenced.write(lease) as (tx, _):
            of_job = {"error_code": "marketo_failed", "error_message": reason}
            await jobs.move(tx, job.id, Move.SEPARATE, at=self.now(), values=separated(job), of_job=of_job)

    async def _ask_again(self, lease: Lease, job: Job, late: Sequence[LateFile]) -> None:
        """Later; and let the whole instance wait where that is what Marketo said."""
        async with self.fenced.write(lease) as (tx, _):
            await self.late_files.put_off(tx, job, late)
        self.hit(Failpoint.PUT_OFF)

    async def _keep_rows(
        self, lease: Lease, job: Job, parts: Sequence[Part], failures: Fetched, warnings: Fetched
    ) -> None:
        """Each part's own rows (EACH_ITS_OWN). A row that may be anybody's is shown only where there is one part."""
        async with self.fenced.write(lease, share=True) as (tx, _):
            await results.forget_rows(tx, [Owner(part.import_id, part.number) for part in parts])
        self.hit(Failpoint.ROWS_FORGOTTEN)
        for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
            rows = own_rows(parts, fetched)
            while encoded := await asyncio.to_thread(results.encode_rows, islice(rows, STORED_ROWS)):
                async with self.fenced.write(lease, share=True) as (tx, _):
                    await jobs.hold(tx, job.id, JobState.COLLECTING, {row["import_id"] for row in encoded})
                    await results.keep_rows(tx, kind, encoded)
                self.hit(Failpoint.ROWS_KEPT)

    async def _complete(
        self, lease: Lease, job: Job, parts: Sequence[Part], failures: Fetched, warnings: Fetched
    ) -> None:
        """With the files and the counts, make the last move."""
        rows = job.rows if job.counted else rows_by_files(job.rows, failures, warnings)
        is_missing = job.results_missing or failures.is_incomplete or warnings.is_incomplete or rows.pending > 0
        outcomes = outcomes_of(parts, rows, failures, warnings)
        unplaced = len(failures.unplaced) + len(warnings.unplaced)
        values: dict[str, Any] = {"results_missing": is_missing, "results_late": None}
        values |= {"unplaced": unplaced} if len(parts) == 1 else {}  # else they may be any import's
        of_job = {"imported": rows.imported, "failed": rows.failed, "warned": rows.warned, "unplaced": unplaced}
        facts: dict[str, Any] = {"results_missing": is_missing or None}
        files = [(Kind.FAILURES, failures.content), (Kind.WARNINGS, warnings.content)]
        packed = {kind: await asyncio.to_thread(pack, content) for kind, content in files if content is not None}
        async with self.fenced.write(lease, share=True) as (tx, instance):
            for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
                await self._tell_unplaced(tx, job, kind, fetched)
            at = self.now()
            await jobs.move(tx, job.id, Move.COLLECT, at=at, values=values, of_job=of_job, outcomes=outcomes, **facts)
            for kind, blob in packed.items():
                await results.keep_file(tx, job.id, kind, blob)
        if (instance.blocked_at or instance.has_incidents) and (failures.content or warnings.content):
            async with self.fenced.write(lease) as (tx, instance):
                await self.back_off.clear(tx, instance, submitted=False)

    async def _tell_unplaced(self, tx: Transaction, job: Job, kind: Kind, fetched: Fetched) -> None:
        """Which rows of a file cannot be read, or not be found in the job: by their lines, never by what they say."""
        if lines := fetched.unplaced:
            locks = await imports.lock_of_job(tx, job.id)
            facts: dict[str, Any] = {"file": kind, "rows": len(lines), "lines": list(lines[:LINES_TOLD])}
            await jobs.tell(tx, locks, job, Occurrence.UNPLACED, at=self.now(), **facts)
