"""Retry: a new import of rows that an earlier one left behind, from the stored bytes or from a corrected file.

The module is long because its three ways (failed parts, rejected rows, a corrected file) share how rows are chosen.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from app.domain.api_keys import Caller
from app.domain.errors import BadFile, NotFound, WrongState
from app.domain.imports import LeftOut, Request
from app.domain.lifecycle import PartState
from app.domain.parts import GIVEN_UP, Part
from app.files import row_numbers
from app.files.compression import unpacked
from app.files.record_keys import NONE, Digests, digests_of_file, key_places
from app.files.records import Flags, Offsets, line, offsets_of
from app.files.row_numbers import Given
from app.pipeline.intake import Intake
from app.store import import_queries, part_files, part_queries, results
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.import_queries import ImportSummary
from app.store.part_files import StoredFile
from app.store.results import Kind
from app.uploads.arrival import Arrival, Receipt
from app.uploads.fair_limit import FairLimit

READ_AGAIN = 2  # imports at once, one of each client: of each, two parts are held with all that is known of their rows
NOWHERE = -1
LEFT_BEHIND = frozenset({PartState.FAILED, PartState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Retry:
    """Rows keep the numbers that they had in the file that was uploaded first."""

    db: Database
    intake: Intake
    turns: FairLimit = field(default_factory=lambda: FairLimit(READ_AGAIN, 1))

    async def parts(self, import_id: int, *, by: Caller, idempotency_key: str | None = None) -> Receipt:
        """The rows of the parts that failed or were cancelled; none of those that Marketo processed.

        Left out, too, are rows whose key stands in a later row that was imported: they would undo it.
        The new import belongs to the client of the old one, whoever asks. Errors: NotFound; WrongState where there is
        no such row, or the rows are erased; whatever Intake finds.
        """
        summary, all_parts = await self._read(import_id)
        left = [part for part in all_parts if part.state in LEFT_BEHIND]
        if not left:
            message = f"Import {import_id} has no part that failed or was cancelled: there is nothing to send again."
            raise WrongState(message, code="nothing_to_retry")
        _refuse_erased(import_id, summary.file_erased_at)
        sending = _Sending()
        rows = self._rows_of_parts(summary, all_parts, left, sending)
        return await self._receive(summary, sending.arrival(rows, import_id, by, idempotency_key), sending, by)

    async def failures(self, import_id: int, *, by: Caller, idempotency_key: str | None = None) -> Receipt:
        """The rows that Marketo rejected, as they were uploaded. As `parts`.

        NOT_A_GUESS: a row that nobody can find among those that were uploaded is left out, and counted.
        """
        summary, all_parts = await self._read(import_id)
        if any(part.rows.failed for part in all_parts):
            _refuse_erased(import_id, summary.file_erased_at or summary.results_erased_at)
        await self._have_failures(import_id, all_parts)
        sending = _Sending()
        rows = self._rejected_rows(summary, all_parts, sending)
        return await self._receive(summary, sending.arrival(rows, import_id, by, idempotency_key), sending, by)

    async def corrected(self, import_id: int, request: Request, arrival: Arrival, *, by: Caller) -> Receipt:
        """A mended file in place of the rows that Marketo rejected; it may be our failures file with our columns.

        Of `request`, how the file is to be read; everything else is as the first time. As `parts`.
        """
        summary, all_parts = await self._read(import_id)
        await self._have_failures(import_id, all_parts)
        again = replace(
            _again(summary.request, by), format=request.format, charset=request.charset, file_name=request.file_name
        )
        return await self.intake.receive(
            again, replace(arrival, retry_of=import_id, retried_by=by.client, corrected=True)
        )

    async def _read(self, import_id: int) -> tuple[ImportSummary, list[Part]]:
        async with self.db.read() as tx:
            summary = await import_queries.get_summary(tx, import_id)
            all_parts = await part_queries.of_import(tx, import_id)
        if summary is None:
            raise NotFound(f"There is no import {import_id}.")
        return summary, all_parts

    async def _have_failures(self, import_id: int, all_parts: Sequence[Part]) -> None:
        """Marketo's counts say so, or its files: they may never have come."""
        if any(part.rows.failed for part in all_parts):
            return
        async with self.db.read() as tx:
            page = await results.page(tx, import_id, Kind.FAILURES, results.Cut(None, 1))
        if not page.rows:
            message = f"Marketo has rejected no row of import {import_id}: there is nothing to send again."
            raise WrongState(message, code="nothing_to_retry")

    async def _receive(self, summary: ImportSummary, arrival: Arrival, sending: "_Sending", by: Caller) -> Receipt:
        again = replace(_again(summary.request, by), charset="utf-8")  # as the rows are stored
        try:
            async with self.turns.held(arrival.retried_by or summary.request.client):
                return await self.intake.receive(again, arrival)
        except BadFile as empty:
            if empty.code != "no_rows":
                raise
            message = f"None of these rows can be sent again as it was uploaded. {sending.left_out.reason}"
            raise WrongState(message.strip(), code="nothing_to_retry") from None

    async def _rows_of_parts(
        self, summary: ImportSummary, all_parts: Sequence[Part], left: Sequence[Part], sending: "_Sending"
    ) -> AsyncGenerator[bytes, None]:
        yield _header(summary)
        for part in left:
            file = await self._file(part, summary)
            later = await self._imported_later(part, file, summary, [part for part in all_parts if part not in left])
            sending.leave_out(superseded=int(np.count_nonzero(later)))
            yield file.rows(np.flatnonzero(~later), sending.numbers)

    async def _rejected_rows(
        self, summary: ImportSummary, all_parts: Sequence[Part], sending: "_Sending"
    ) -> AsyncGenerator[bytes, None]:
        yield _header(summary)
        for part in all_parts:
            rejected = await self._rejected(part)
            unknown = max(0, part.rows.failed - len(rejected))
            if part.state is PartState.COMPLETE:
                sending.leave_out(not_placed=unknown)
            elif part.state not in LEFT_BEHIND:
                sending.leave_out(not_known_yet=unknown)
            if len(rejected):
                file = await self._file(part, summary)
                later = (await self._imported_later(part, file, summary, all_parts))[rejected]
                later |= file.have_later_ones(rejected)
                sending.leave_out(superseded=int(np.count_nonzero(later)))
                yield file.rows(rejected[~later], sending.numbers)

    async def _rejected(self, part: Part) -> Offsets:
        """Its rows that Marketo rejected, in their order."""
        async with self.db.read() as tx:
            rejected = await results.part_rows(tx, part.import_id, Kind.FAILURES, part_number=part.number)
        return np.array(sorted(rejected), np.int64)

    async def _imported_later(
        self, part: Part, file: "_File", summary: ImportSummary, all_parts: Sequence[Part]
    ) -> Flags:
        """Its rows with a key that was imported with a later part, or may be; only those set aside share one."""
        is_later = np.zeros(len(file.numbers), bool)
        for later in all_parts:
            if later.number > part.number and later.conflict_scope.has_deferred_rows and _may_be_imported(later):
                other = await self._file(later, summary)
                imported = np.delete(other.digests, await self._rejected(later))
                is_later |= (file.digests != NONE) & np.isin(file.digests, imported)
        return is_later

    async def _file(self, part: Part, summary: ImportSummary) -> "_File":
        try:
            async with self.db.read() as tx:
                stored = await part_files.load_file(tx, part.id)
        except Corrupt:
            message = f"Part {part.number} of import {part.import_id} is damaged here. Upload its rows again."
            raise WrongState(message, code="rows_damaged") from None
        if stored is None:
            raise _rows_erased(part.import_id)
        return await asyncio.to_thread(_file_of, stored, part, summary)


@dataclass(slots=True)
class _Sending:
    """What goes again, while it is read: the rows' numbers, and how many are left out."""

    numbers: Given = field(default_factory=Given)
    left_out: LeftOut = field(default_factory=LeftOut)

    def leave_out(self, *, not_placed: int = 0, superseded: int = 0, not_known_yet: int = 0) -> None:
        so_far = self.left_out
        self.left_out = LeftOut(
            not_placed=so_far.not_placed + not_placed,
            superseded=so_far.superseded + superseded,
            not_known_yet=so_far.not_known_yet + not_known_yet,
        )

    def arrival(self, rows: AsyncIterator[bytes], import_id: int, by: Caller, idempotency_key: str | None) -> Arrival:
        return Arrival(
            rows,
            idempotency_key=idempotency_key,
            retry_of=import_id,
            retried_by=by.client,
            numbers=self.numbers,
            left_out=lambda: self.left_out,
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A part's rows, with the number and the key's digest of each."""

    text: bytes
    starts: Offsets
    ends: Offsets
    numbers: Offsets
    digests: Digests

    def rows(self, which: Offsets, numbers: Given) -> bytes:
        """These rows, each with its line end: in another place the last one needs one too."""
        numbers.add(self.numbers[which])
        rows = [self.text[self.starts[row] : self.ends[row]] for row in which]
        return b"".join([row if row.endswith((b"\n", b"\r")) else row + b"\n" for row in rows])

    def have_later_ones(self, rejected: Offsets) -> Flags:
        """Which of the rejected rows have a later one of the same key that was not rejected."""
        others = np.delete(np.arange(len(self.digests)), rejected)[::-1]
        keys, first = np.unique(self.digests[others], return_index=True)
        rejected_keys = self.digests[rejected]
        at = np.searchsorted(keys, rejected_keys)
        has_other = np.append(keys, NONE)[at] == rejected_keys
        later: Flags = has_other & (np.append(others[first], NOWHERE)[at] > rejected) & (rejected_keys != NONE)
        return later


def _file_of(stored: StoredFile, part: Part, summary: ImportSummary) -> _File:
    text, delimiter = b"".join(unpacked(stored.blob)), summary.request.format.delimiter
    starts, ends = offsets_of(text, delimiter)
    keys = key_places(summary.columns, summary.request.target.key_columns)
    return _File(
        text,
        starts[1:],
        ends[1:],
        row_numbers.read(stored.row_numbers, first_row=part.first_row, rows=part.rows.total),
        digests_of_file(text, delimiter, keys),
    )


def _may_be_imported(part: Part) -> bool:
    """Whether Marketo took its rows, may have, or is still to be given them; those it rejected are known apart."""
    if part.state is PartState.FAILED:
        return part.batch_id is not None or (part.error is not None and part.error.code == GIVEN_UP)
    return part.state is not PartState.CANCELLED


def _refuse_erased(import_id: int, erased_at: datetime | None) -> None:
    if erased_at:
        raise _rows_erased(import_id)


def _rows_erased(import_id: int) -> WrongState:
    return WrongState(f"The rows of import {import_id} are erased. Upload the file again.", code="rows_erased")


def _header(summary: ImportSummary) -> bytes:
    return line(summary.columns, summary.request.format.delimiter)


def _again(request: Request, by: Caller) -> Request:
    """The same, and now; no more urgent than whoever asks may be."""
    return replace(request, not_before=None, review=False, priority=min(request.priority, by.max_priority))
