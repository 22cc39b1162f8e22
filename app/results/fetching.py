"""Fetching the result files of a part while Marketo still has them, and deciding whether to ask again."""

import asyncio
from dataclasses import dataclass

import structlog

from app.clock import Clock
from app.domain.answers import NoFile, QueryFailed, ResultFile, Unusable
from app.domain.parts import Part
from app.domain.timeouts import LATE_FILE_SECONDS, LINE_END_SECONDS, RESULT_RETENTION_SECONDS
from app.files.result_sheet import GarbledResult
from app.marketo.client import Marketo
from app.results import matching
from app.results.fetched import INCOMPLETE, NO_FILE_YET, Fetched, LateFile
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

    async def fetch(self, part: Part, summary: ImportSummary, kind: Kind, count: int) -> Fetched | LateFile:
        """One result file of a part, with its rows matched; LateFile when it is worth asking again. Network: one GET.

        `count`: how many rows Marketo says that it has.
        """
        if count == 0 and part.counted:
            return Fetched()
        assert part.batch_id is not None
        ask = self.marketo.failures if kind is Kind.FAILURES else self.marketo.warnings
        match await ask(summary.request.target, part.batch_id):
            case ResultFile(content=content):
                return await self._read(part, summary, kind, content, count)
            case NoFile() if count == 0:
                return Fetched()
            case NoFile():
                return self._late_or(LateFile(kind, Unusable.NO_FILE, NO_FILE_YET), part, LATE_FILE_SECONDS)
            case QueryFailed() as failed:
                unusable = failed.unusable or (Unusable.REFUSED if failed.code else Unusable.NO_ANSWER)
                return self._late_or(LateFile(kind, unusable, failed), part, RESULT_RETENTION_SECONDS)

    async def _read(
        self, part: Part, summary: ImportSummary, kind: Kind, content: bytes, count: int
    ) -> Fetched | LateFile:
        """What can be read is; the bytes are kept as they came, and what is cut off is asked for again for a while."""
        unreadable = Fetched(content, is_incomplete=True)
        try:
            async with self.db.read() as tx:
                stored = await part_files.load_file(tx, part.id)
            assert stored is not None, "the rows of an unfinished import are not erased"
            matched = await asyncio.to_thread(matching.match_file, content, part, summary, stored)
        except GarbledResult as garbled:
            return self._late_or(LateFile.garbled(kind, garbled.unusable), part, LATE_FILE_SECONDS, unreadable)
        except Corrupt:
            log.exception("a part is damaged: its result rows have no place", import_id=part.import_id)
            return unreadable
        except Exception as mistake:  # what Marketo sent is kept, so that it can be mended
            if isinstance(self._late_or(LateFile.ours(kind, mistake), part, LATE_FILE_SECONDS), LateFile):
                raise
            log.exception("a result file cannot be placed", import_id=part.import_id, part=part.number)
            return unreadable
        rows = matched.rows
        is_incomplete = bool(rows.unplaced) or (part.counted and len(rows) != count)
        fetched = Fetched(content, matched, is_incomplete=is_incomplete)
        if rows.sheet.ends_whole:
            return fetched
        has_too_few = part.counted and len(rows) < count
        seconds = LATE_FILE_SECONDS if has_too_few or rows.is_cut_off else LINE_END_SECONDS  # or a reason is cut off
        return self._late_or(LateFile.garbled(kind, Unusable.CUT_OFF), part, seconds, fetched)

    def _late_or(self, late: LateFile, part: Part, seconds: float, instead: Fetched = INCOMPLETE) -> Fetched | LateFile:
        """The late file, to be asked for again, for so many seconds since Marketo was done; then `instead`."""
        assert part.state_since is not None
        waited = (self.now() - part.state_since).total_seconds()
        return instead if waited >= seconds else late
