"""Collect: fetch what Marketo says of single rows while it still knows.

RESULTS_BEFORE_DONE: the rows are stored first, a stretch at a time; files, counts and the last move are one
transaction. Whoever dies in between leaves rows that the next one replaces.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.answers import NoFile, QueryFailed, ResultFile, Unusable
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint
from app.domain.incidents import CallError, error_of, is_to_be_told
from app.domain.lifecycle import Move, State
from app.domain.parts import Part, Rows, TryError
from app.domain.timeouts import LATE_FILE_SECONDS, LINE_END_SECONDS, RESULT_RETENTION_SECONDS
from app.files import row_numbers
from app.files.compression import pack, unpacked
from app.files.matched_rows import MatchedRow, MatchedRows
from app.files.records import Offsets
from app.files.result_files import UNREADABLE, shown
from app.files.result_matching import match_rows
from app.files.result_sheet import GarbledResult
from app.files.row_numbers import UNKNOWN
from app.files.sent_rows import NOWHERE, Sent
from app.scheduling.instance_context import InstanceContext
from app.scheduling.lease import Lease
from app.store import events, imports, incidents, instances, parts, results
from app.store.blobs import Corrupt
from app.store.imports import ImportSummary
from app.store.parts import Kept, Stale
from app.store.results import Kind, NewRow

log = structlog.get_logger()

STORED_ROWS = 2000  # in one transaction
LINES_TOLD = 100  # of rows that have no place, in an event
GARBLED, LATE, OURS = "garbled_file", "late_file", "internal_error"
OF_THE_FILE = frozenset({GARBLED, LATE, OURS})
"""Codes of ours: the call went through."""
NO_FILE_YET = QueryFailed("Marketo counted rows of which it has no file yet", LATE)


@dataclass(frozen=True, slots=True)
class Placed:
    """A result file's rows, and the numbers that the part's rows have in the upload."""

    rows: MatchedRows
    numbers: Offsets


@dataclass(frozen=True, slots=True)
class Fetched:
    """One result file, as it came and as rows. `missing`: Marketo counted rows whose file it does not give."""

    content: bytes | None = None
    placed: Placed | None = None
    missing: bool = False

    def __len__(self) -> int:
        return len(self.placed.rows) if self.placed else 0

    @property
    def unplaced(self) -> Sequence[int]:
        """The lines of those rows that cannot be read, or not be found in the part."""
        return self.placed.rows.unplaced if self.placed else ()


@dataclass(frozen=True, slots=True)
class Late:
    """A result file that is worth asking for again."""

    file: Kind
    because: Unusable
    word: QueryFailed

    def __str__(self) -> str:
        return f"{self.file}:{self.because}"

    @property
    def is_of_the_part(self) -> bool:
        """Not what all calls have to wait for: that is told as the instance's."""
        return self.word.because is None

    @property
    def is_told_at_once(self) -> bool:
        return self.is_of_the_part and self.because is not Unusable.NOT_MATCHED

    def error(self, at: datetime) -> CallError:
        return error_of(self.word, call=self.file, at=at)

    @classmethod
    def garbled(cls, file: Kind, because: Unusable) -> "Late":
        return cls(file, because, QueryFailed(f"a result file that cannot be used: {because}", GARBLED))

    @classmethod
    def ours(cls, file: Kind, mistake: Exception) -> "Late":
        why = f"a fault of this service ({type(mistake).__name__}); its log has the details"
        return cls(file, Unusable.NOT_MATCHED, QueryFailed(why, OURS))


@dataclass(frozen=True, slots=True)
class Collect:
    context: InstanceContext

    async def run_once(self, lease: Lease) -> bool:
        """Collect the results of one part. True when one was completed. Network: up to two GETs."""
        at, jump_id = self.context.now(), self.context.now.jump_id
        async with self.context.db.read() as tx:
            found = await parts.in_states(tx, lease.instance, {State.COLLECTING}, due=at, limit=1)
            instance = await instances.get(tx, lease.instance) if found else None
        if instance is None or not instance.may_ask(at) or not lease.holds(self.context.now.monotonic()):
            return False
        part = found[0]
        try:
            return await self._collect(lease, part, jump_id)
        except Stale:
            return False
        except Exception as mistake:  # whatever is wrong with this part, the others must not wait behind it
            await self._ask_again(lease, part, [Late.ours(Kind.FAILURES, mistake)])
            raise

    async def _collect(self, lease: Lease, part: Part, jump_id: int) -> bool:
        standing = await self.context.standing(part)
        failures = await self._fetch(part, standing, Kind.FAILURES, part.rows.failed)
        warnings = await self._fetch(part, standing, Kind.WARNINGS, part.rows.warned)
        if isinstance(failures, Late) or isinstance(warnings, Late):
            await self._ask_again(lease, part, [one for one in (failures, warnings) if isinstance(one, Late)])
            return False
        self.context.now.expect(jump_id)  # what is missing was waited for by a clock that still counts
        await self._complete(lease, part, failures, warnings)
        return True

    async def _fetch(self, part: Part, standing: ImportSummary, kind: Kind, count: int) -> Fetched | Late:
        """The result file of a part, with its rows placed; Late when it is worth asking again."""
        if count == 0 and part.counted:
            return Fetched()
        assert part.batch_id is not None
        ask = self.context.marketo.failures if kind is Kind.FAILURES else self.context.marketo.warnings
        match await ask(standing.request.target, part.batch_id):
            case ResultFile(content=content):
                return await self._read(part, standing, kind, content, count)
            case NoFile() if count == 0:
                return Fetched()
            case NoFile():
                return self._late_or(Late(kind, Unusable.NO_FILE, NO_FILE_YET), part, LATE_FILE_SECONDS)
            case QueryFailed() as word:
                because = word.unusable or (Unusable.REFUSED if word.code else Unusable.NO_ANSWER)
                return self._late_or(Late(kind, because, word), part, RESULT_RETENTION_SECONDS)

    async def _read(
        self, part: Part, standing: ImportSummary, kind: Kind, content: bytes, count: int
    ) -> Fetched | Late:
        """What can be read is; the bytes are kept as they came, and what is cut off is asked for again for a while."""
        missing = Fetched(content, missing=True)
        try:
            async with self.context.db.read() as tx:
                kept = await parts.kept(tx, part.id)
            assert kept is not None, "the rows of an unfinished import are not erased"
            placed = await asyncio.to_thread(_place, content, part, standing, kept)
        except GarbledResult as garbled:
            return self._late_or(Late.garbled(kind, garbled.unusable), part, LATE_FILE_SECONDS, missing)
        except Corrupt:
            log.exception("a part is damaged: its result rows have no place", import_id=part.import_id)
            return missing
        except Exception as mistake:  # what Marketo sent is kept, so that it can be mended
            if isinstance(self._late_or(Late.ours(kind, mistake), part, LATE_FILE_SECONDS), Late):
                raise
            log.exception("a result file cannot be placed", import_id=part.import_id, part=part.number)
            return missing
        rows, few = placed.rows, part.counted and len(placed.rows) < count
        fetched = Fetched(content, placed, missing=bool(rows.unplaced) or (part.counted and len(rows) != count))
        if rows.sheet.ends_whole:
            return fetched
        retry_policy = LATE_FILE_SECONDS if few or rows.is_cut_off else LINE_END_SECONDS  # at most a reason is cut off
        return self._late_or(Late.garbled(kind, Unusable.CUT_OFF), part, retry_policy, fetched)

    def _late_or(
        self, late: Late, part: Part, patience_seconds: float, instead: Fetched = Fetched(missing=True)
    ) -> Fetched | Late:
        assert part.state_since is not None
        waited = (self.context.now() - part.state_since).total_seconds()
        return instead if waited >= patience_seconds else late

    async def _ask_again(self, lease: Lease, part: Part, lates: Sequence[Late]) -> None:
        """Later; and let the whole instance wait where that is what Marketo said. NO_SILENCE: it is told here.

        What came in a file's place is told at once, and again where it changes; all else once it has lasted.
        """
        at = self.context.now()
        failing_since = part.failing_since or at
        async with self.context.writing(lease) as (tx, _):
            for late in lates:
                error = late.error(at)
                if error.code not in OF_THE_FILE:
                    await incidents.note_error(tx, lease.instance, error)
                if late.word.because:
                    await self.context.back_off(tx, lease.instance, late.word.because, error)
            told = next((late for late in lates if late.is_of_the_part), lates[0])
            error = told.error(at)
            values = parts.tried(TryError(error.code, error.message, at), failing_since=failing_since)
            values["due_at"] = self.context.retry_policy.look_again(at, part.state_since or at)
            if told.is_of_the_part:
                values["results_late"] = str(told)
            await parts.note(tx, part.id, **values)
            is_news = told.is_told_at_once and str(told) != part.results_late
            has_lasted = not told.is_told_at_once and is_to_be_told(failing_since, before=part.tried_at, at=at)
            if is_news or has_lasted:
                facts = {"batch_id": part.batch_id, "file": told.file, "because": told.because, "code": error.code}
                await events.append_of(tx, Occurrence.RESULTS_LATE, part, at=at, since=failing_since, **facts)
        self.context.hit(Failpoint.PUT_OFF)

    async def _complete(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        """Store the rows, some thousand in a transaction; and with the files and the counts make the last move."""
        rows = part.rows if part.counted else _by_files(part.rows, failures, warnings)
        missing = part.results_missing or failures.missing or warnings.missing or rows.pending > 0
        counts: dict[str, Any] = {"imported": rows.imported, "failed": rows.failed, "warned": rows.warned}
        self.context.hit(Failpoint.FETCHED)
        await self._keep_rows(lease, part, failures, warnings)
        sent = [(Kind.FAILURES, failures.content), (Kind.WARNINGS, warnings.content)]
        packed = {kind: await asyncio.to_thread(pack, content) for kind, content in sent if content is not None}
        async with self.context.writing(lease, share=True) as (tx, instance):
            told = counts | {"results_missing": missing or None}
            values = counts | {
                "results_missing": missing,
                "results_late": None,
                "unplaced": len(failures.unplaced) + len(warnings.unplaced),
            }
            for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
                await self._tell_unplaced(tx, part, kind, fetched)
            await parts.move(tx, part.id, Move.COLLECT, at=self.context.now(), values=values, **told)
            for kind, blob in packed.items():
                await results.keep_file(tx, part.id, kind, blob)
        if (instance.blocked_at or instance.has_incidents) and (failures.content or warnings.content):
            async with self.context.writing(lease) as (tx, instance):
                await self.context.clear_block(tx, instance, submitted=False)
        self.context.hit(Failpoint.COLLECTED)

    async def _tell_unplaced(self, tx: AsyncConnection, part: Part, kind: Kind, fetched: Fetched) -> None:
        """Which rows of a file cannot be read, or not be found in the part: by their lines, never by what they say."""
        if not fetched.unplaced:
            return
        at = self.context.now()
        lines = list(fetched.unplaced[:LINES_TOLD])
        await imports.hold(tx, part.import_id)
        facts: dict[str, Any] = {"file": kind, "rows": len(fetched.unplaced), "lines": lines}
        about: dict[str, Any] = {"instance": part.instance, "import_id": part.import_id, "part": part.number}
        await events.append(tx, Occurrence.UNPLACED, at=at, **about, **facts)

    async def _keep_rows(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        async with self.context.writing(lease, share=True) as (tx, _):
            await results.forget_rows(tx, part.import_id, part_number=part.number)
        self.context.hit(Failpoint.ROWS_FORGOTTEN)
        for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
            rows = _new_rows(fetched.placed) if fetched.placed else iter(())
            while some := await asyncio.to_thread(list, islice(rows, STORED_ROWS)):
                async with self.context.writing(lease, share=True) as (tx, _):
                    await results.keep_rows(tx, part.import_id, kind, some, part_number=part.number)
                self.context.hit(Failpoint.ROWS_KEPT)


def _place(content: bytes, part: Part, standing: ImportSummary, kept: Kept) -> Placed:
    """Errors: GarbledResult."""
    request = standing.request
    text = b"".join(unpacked(kept.blob))
    sent = Sent([text], request.format.delimiter, standing.columns, request.target.key_columns)
    numbers = row_numbers.read(kept.row_numbers, first_row=part.first_row, rows=part.rows.total)
    return Placed(match_rows(content, sent), numbers)


def _new_rows(placed: Placed) -> Iterator[NewRow]:
    for row in placed.rows:
        yield _new_row(row, UNKNOWN if row.place == NOWHERE else int(placed.numbers[row.place]))


def _new_row(row: MatchedRow, number: int) -> NewRow:
    if row.text is not None:
        return NewRow.unread(UNREADABLE, row.text)
    place = None if row.place == NOWHERE else row.place
    return NewRow.of(None if number == UNKNOWN else number, shown(row.reason), row.values, place)


def _by_files(known: Rows, failures: Fetched, warnings: Fetched) -> Rows:
    """Where Marketo gave no counts of its own: what its files say."""
    failed = min(len(failures), known.total)
    return Rows(known.total, known.total - failed, failed, min(len(warnings), known.total))
