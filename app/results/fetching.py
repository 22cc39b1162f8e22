"""Fetching the result files of a job while Marketo still has them, and deciding whether to ask again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.clock import Clock
from app.domain.answers import NoFile, QueryFailed, ResultFile, Unusable
from app.domain.jobs import Job
from app.domain.parts import Part
from app.domain.timeouts import LATE_FILE_SECONDS, LINE_END_SECONDS, RESULT_RETENTION_SECONDS
from app.files.result_sheet import GarbledResult
from app.marketo.client import Marketo
from app.results.fetched import INCOMPLETE, NO_FILE_YET, Fetched, LateFile, SplitRows
from app.results.matching import SentPart, match_job_file
from app.store import part_files
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.import_queries import ImportSummary
from app.store.results import Kind

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ResultFiles:
    db: Database
    marketo: Marketo
    now: Clock

    async def fetch(
        self, job: Job, parts: Sequence[Part], summary: ImportSummary, kind: Kind, count: int
    ) -> Fetched | LateFile:
        """One result file of a job, its rows given to its parts; LateFile when it is worth asking again.

        `count`: how many rows Marketo says that it has. Network: one GET.
        """
        if count == 0 and job.counted:
            return Fetched()
        assert job.batch_id is not None
        ask = self.marketo.failures if kind is Kind.FAILURES else self.marketo.warnings
        match await ask(summary.request.target, job.batch_id):
            case ResultFile(content=content):
                return await self._read(job, parts, summary, kind, content, count)
            case NoFile() if count == 0:
                return Fetched()
            case NoFile():
                return self._late_or(LateFile(kind, Unusable.NO_FILE, NO_FILE_YET), job, LATE_FILE_SECONDS)
            case QueryFailed() as failed:
                unusable = failed.unusable or (Unusable.REFUSED if failed.code else Unusable.NO_ANSWER)
                return self._late_or(LateFile(kind, unusable, failed), job, RESULT_RETENTION_SECONDS)

    async def _read(
        self, job: Job, parts: Sequence[Part], summary: ImportSummary, kind: Kind, content: bytes, count: int
    ) -> Fetched | LateFile:
        """What can be read is; the bytes are kept as they came, and what is cut off is asked for again for a while."""
        unreadable = Fetched(content, is_incomplete=True)
        try:
            matched = await self._matched(parts, summary, content)
        except GarbledResult as garbled:
            return self._late_or(LateFile.garbled(kind, garbled.unusable), job, LATE_FILE_SECONDS, unreadable)
        except Corrupt:
            log.exception("a part is damaged: the result rows of its job have no place", **_named(job, parts))
            return unreadable
        except Exception as mistake:  # what Marketo sent is kept, so that it can be mended
            if isinstance(self._late_or(LateFile.ours(kind, mistake), job, LATE_FILE_SECONDS), LateFile):
                raise
            log.exception("a result file cannot be placed", **_named(job, parts))
            return unreadable
        rows = matched.rows
        is_incomplete = bool(rows.unplaced) or (job.counted and len(rows) != count)
        fetched = Fetched(content, matched, is_incomplete=is_incomplete)
        if rows.sheet.ends_whole:
            return fetched
        has_too_few = job.counted and len(rows) < count
        seconds = LATE_FILE_SECONDS if has_too_few or rows.is_cut_off else LINE_END_SECONDS  # or a reason is cut off
        return self._late_or(LateFile.garbled(kind, Unusable.CUT_OFF), job, seconds, fetched)

    async def _matched(self, parts: Sequence[Part], summary: ImportSummary, content: bytes) -> SplitRows:
        """Errors: GarbledResult; Corrupt, where a part is not what was stored."""
        async with self.db.read() as tx:
            stored = await part_files.load_files(tx, [part.id for part in parts])
        sent = [SentPart(stored[part.id], part.first_row, part.rows.total) for part in parts]
        request = summary.request
        return await asyncio.to_thread(
            match_job_file,
            content,
            sent,
            delimiter=request.format.delimiter,
            columns=summary.columns,
            key_columns=request.target.key_columns,
        )

    def _late_or(self, late: LateFile, job: Job, seconds: float, instead: Fetched = INCOMPLETE) -> Fetched | LateFile:
        """The late file, to be asked for again, for so many seconds since Marketo was done; then `instead`."""
        waited = (self.now() - job.state_since).total_seconds()
        return instead if waited >= seconds else late


def _named(job: Job, parts: Sequence[Part]) -> dict[str, object]:
    """A job as a log line names it."""
    import_ids = sorted({part.import_id for part in parts})
    return {"instance": job.instance, "batch_id": job.batch_id, "import_ids": import_ids}
