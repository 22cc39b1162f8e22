"""Collect: fetch what Marketo says of single rows while it still knows.

RESULTS_BEFORE_DONE: the rows are stored first, a stretch at a time; files, counts and the last move are one
transaction. Whoever dies in between leaves rows that the next one replaces.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog

from app.domain.answers import NoFile, NoWord, ResultFile
from app.domain.history import Occurrence
from app.domain.imports import Part, Rows, TryError, key_columns
from app.domain.incidents import error_of, is_to_be_told
from app.domain.lifecycle import Move, State
from app.domain.patience import LATE_FILE_SECONDS, RESULT_RETENTION_SECONDS
from app.files import numbering
from app.files.packing import pack, unpacked
from app.files.results import GarbledResult, PartRows, Placed, ResultRow, placed
from app.steps.driver import Driver
from app.steps.lease import Lease
from app.steps.points import Point
from app.store import events, incidents, instances, parts, results
from app.store.imports import Standing
from app.store.parts import Kept, Stale
from app.store.results import Kind, NewRow

log = structlog.get_logger()

STORED_ROWS = 2000  # in one transaction
GARBLED, LATE, OURS = "garbled_file", "late_file", "internal_error"
OF_THE_FILE = frozenset({GARBLED, LATE, OURS})
"""Codes of ours: the call went through."""
NO_FILE_YET = NoWord("Marketo counted rows of which it has no file yet", LATE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One result file, as it came and as rows. `missing`: Marketo counted rows whose file it does not give."""

    content: bytes | None = None
    rows: Placed | tuple[()] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Collect:
    driver: Driver

    async def run_once(self, lease: Lease) -> bool:
        """Collect the results of one part. True when one was completed. Network: up to two GETs."""
        at = self.driver.now()
        async with self.driver.db.read() as tx:
            found = await parts.in_states(tx, lease.instance, {State.COLLECTING}, due=at, limit=1)
            instance = await instances.get(tx, lease.instance) if found else None
        if instance is None or not instance.may_ask(at) or not lease.holds(at):
            return False
        part = found[0]
        try:
            return await self._collect(lease, part)
        except Stale:
            return False
        except Exception as mistake:  # whatever is wrong with this part, the others must not wait behind it
            ours = NoWord(f"a fault of this service ({type(mistake).__name__}); its log has the details", OURS)
            await self._ask_again(lease, part, {Kind.FAILURES: ours})
            raise

    async def _collect(self, lease: Lease, part: Part) -> bool:
        standing = await self.driver.standing(part)
        failures = await self._fetch(part, standing, Kind.FAILURES, part.rows.failed)
        warnings = await self._fetch(part, standing, Kind.WARNINGS, part.rows.warned)
        if isinstance(failures, NoWord) or isinstance(warnings, NoWord):
            both = ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings))
            words = {kind: said for kind, said in both if isinstance(said, NoWord)}
            await self._ask_again(lease, part, words)
            return False
        await self._complete(lease, part, failures, warnings)
        return True

    async def _fetch(self, part: Part, standing: Standing, kind: Kind, count: int) -> Fetched | NoWord:
        """The result file of a part, with its rows placed; NoWord when it is worth asking again later."""
        if count == 0 and part.counted:
            return Fetched()
        assert part.batch_id is not None
        ask = self.driver.marketo.failures if kind is Kind.FAILURES else self.driver.marketo.warnings
        match await ask(standing.request.target, part.batch_id):
            case ResultFile(content=content):
                try:
                    rows = await self._placed(part, standing, content)
                except GarbledResult as garbled:
                    return self._missing_or(NoWord(f"garbled: {garbled}", GARBLED), part, LATE_FILE_SECONDS)
                except Exception:  # a mistake of ours: what Marketo sent is kept, so that it can be mended
                    if isinstance(self._missing_or(NoWord("not placed"), part, LATE_FILE_SECONDS), NoWord):
                        raise
                    log.exception("a result file cannot be placed", import_id=part.import_id, part=part.number)
                    return Fetched(content, missing=True)
                return Fetched(content, rows, missing=len(rows) != count and part.counted)
            case NoFile():
                return Fetched() if count == 0 else self._missing_or(NO_FILE_YET, part, LATE_FILE_SECONDS)
            case NoWord() as word:
                return self._missing_or(word, part, RESULT_RETENTION_SECONDS)

    def _missing_or(self, word: NoWord, part: Part, patience_seconds: float) -> Fetched | NoWord:
        assert part.state_since is not None
        waited = (self.driver.now() - part.state_since).total_seconds()
        return Fetched(missing=True) if waited >= patience_seconds else word

    async def _placed(self, part: Part, standing: Standing, content: bytes) -> Placed:
        async with self.driver.db.read() as tx:
            kept = await parts.kept(tx, part.id)
        assert kept is not None, "the rows of an unfinished import are not erased"
        return await asyncio.to_thread(_place, content, part, standing, kept)

    async def _ask_again(self, lease: Lease, part: Part, words: Mapping[Kind, NoWord]) -> None:
        """Later; and let the whole instance wait where that is what Marketo said. Told once it has lasted."""
        at = self.driver.now()
        failing_since = part.failing_since or at
        async with self.driver.writing(lease) as (tx, _):
            for kind, word in words.items():
                error = error_of(word, call=kind, at=at)
                if error.code not in OF_THE_FILE:
                    await incidents.note_error(tx, lease.instance, error)
                if word.because:
                    await self.driver.make_wait(tx, lease.instance, word.because, error)
            tried = parts.tried(TryError(error.code, error.message, at), failing_since=failing_since)
            again = self.driver.patience.look_again(at, part.state_since or at)
            await parts.note(tx, part.id, due_at=again, **tried)
            if is_to_be_told(failing_since, before=part.tried_at, at=at):
                told = {"batch_id": part.batch_id, "file": error.call, "code": error.code}
                await events.append_of(tx, Occurrence.RESULTS_LATE, part, at=at, since=failing_since, **told)
        self.driver.reached(Point.PUT_OFF)

    async def _complete(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        """Store the rows, some thousand in a transaction; and with the files and the counts make the last move."""
        rows = part.rows if part.counted else _by_files(part.rows, failures, warnings)
        missing = part.results_missing or failures.missing or warnings.missing or rows.pending > 0
        counts: dict[str, Any] = {"imported": rows.imported, "failed": rows.failed, "warned": rows.warned}
        self.driver.reached(Point.FETCHED)
        await self._keep_rows(lease, part, failures, warnings)
        sent = [(Kind.FAILURES, failures.content), (Kind.WARNINGS, warnings.content)]
        packed = {kind: await asyncio.to_thread(pack, content) for kind, content in sent if content is not None}
        async with self.driver.writing(lease, share=True) as (tx, instance):
            told = counts | {"results_missing": missing or None}
            values = counts | {"results_missing": missing}
            await parts.move(tx, part.id, Move.COLLECT, at=self.driver.now(), values=values, **told)
            for kind, blob in packed.items():
                await results.keep_file(tx, part.id, kind, blob)
        if (instance.blocked_at or instance.has_incidents) and (failures.content or warnings.content):
            async with self.driver.writing(lease) as (tx, instance):
                await self.driver.make_well(tx, instance, submitted=False)
        self.driver.reached(Point.COLLECTED)

    async def _keep_rows(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        async with self.driver.writing(lease, share=True) as (tx, _):
            await results.forget_rows(tx, part.import_id, part_number=part.number)
        self.driver.reached(Point.ROWS_FORGOTTEN)
        for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
            rows = iter(fetched.rows)
            while some := await asyncio.to_thread(_next_rows, rows):
                async with self.driver.writing(lease, share=True) as (tx, _):
                    await results.keep_rows(tx, part.import_id, kind, some, part_number=part.number)
                self.driver.reached(Point.ROWS_KEPT)


def _place(content: bytes, part: Part, standing: Standing, kept: Kept) -> Placed:
    """Errors: GarbledResult."""
    about = PartRows(
        text=b"".join(unpacked(kept.blob)),
        format=standing.request.format,
        columns=standing.columns,
        key_columns=key_columns(standing.request.target),
        numbers=numbering.read(kept.row_numbers, first_row=part.first_row, rows=part.rows.total),
    )
    return placed(content, about)


def _next_rows(rows: Iterator[ResultRow]) -> list[NewRow]:
    """So many that they are few to hold."""
    return [NewRow.of(row.source_row, row.reason, row.values, row.part_row) for row in islice(rows, STORED_ROWS)]


def _by_files(known: Rows, failures: Fetched, warnings: Fetched) -> Rows:
    """Where Marketo gave no counts of its own: what its files say."""
    failed = min(len(failures.rows), known.total)
    return Rows(known.total, known.total - failed, failed, min(len(warnings.rows), known.total))
