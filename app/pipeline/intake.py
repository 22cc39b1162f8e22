"""Intake: a request body in, a stored import out. SAFE_ACK: it answers only after the commit."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.answers import Description
from app.domain.errors import Backlog, BadFile, DiskFull, TooSlow
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.file_mistakes import refusal
from app.domain.imports import LeftOut, Preflight, Request, SourceFile
from app.domain.timeouts import BACKLOG_RETRY_SECONDS
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter, Piece
from app.files.decoding import Decoder, Unreadable
from app.files.diagnosis import Diagnosis, Sample, diagnose, everything
from app.files.inspection import Inspection
from app.files.prefetch import prefetch
from app.files.record_keys import as_bytes
from app.files.row_numbers import Numbering
from app.files.uploaded_file import UploadedFile
from app.logs import request_id
from app.marketo.multipart import envelope_bytes
from app.notify.wakeup import Wakeup
from app.store import disk_usage, events, imports, parts, results, schema
from app.store.database import Database
from app.store.idempotency import Claim, Earlier
from app.store.results import Kind, NewRow
from app.uploads.admission import Admission, Place
from app.uploads.backlog_count import BacklogCount
from app.uploads.cleanup import Cleanup
from app.uploads.descriptions import Describe
from app.uploads.idempotency import Idempotency, answered_again, fingerprint
from app.uploads.part_files import BLOCK_BYTES, NOTHING_YET, blocks_of, pieces_of
from app.uploads.target import describe_of, described, with_dedupe_fields

STORED_ROWS = 1000  # in one statement


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file on its way in."""

    chunks: AsyncIterator[bytes]
    content_encoding: str | None = None
    check_sent: Callable[[str], None] | None = None
    """Whether what came is what its sender says, by digests: given the file's SHA-256. Errors: BrokenUpload."""
    place: Place | None = None  # where it has one already
    idempotency_key: str | None = None
    retry_of: int | None = None  # the import whose rows these are, once more
    retried_by: str | None = None  # who asked for that
    numbers: Numbering | None = None  # of these rows in the file that was uploaded first
    corrected: bool = False  # it may be a failures file of ours, mended
    left_out: Callable[[], LeftOut] = LeftOut  # rows that are not among these; known once they all have come

    @property
    def packed(self) -> bool:
        return self.content_encoding is not None

    def check_digest(self, file_sha256: str) -> None:
        """Once all is read. Errors: BrokenUpload digest_mismatch."""
        if self.check_sent:
            self.check_sent(file_sha256)


@dataclass(frozen=True, slots=True)
class Receipt:
    import_id: int
    replayed: bool = False  # an earlier request with the same Idempotency-Key made it


@dataclass(frozen=True, slots=True)
class Intake:
    """Take a file in while its bytes arrive; store it part by part; then, and only then, let the import exist."""

    db: Database
    now: Clock
    wakeup: Wakeup
    describe: Mapping[str, Describe]  # by instance
    part_bytes: int  # a part's whole request body, multipart envelope included
    max_file_bytes: int
    backlog_parts: int
    client_backlog_parts: int  # of one; no less than all of them, where nobody can tell clients apart
    disk_floor_bytes: int
    admission: Admission
    once: Idempotency
    cleanup: Cleanup
    revision: str  # of the schema that it writes by
    backlog: BacklogCount
    hit: FailpointHit

    async def receive(self, request: Request, arrival: Arrival) -> Receipt:
        """Receive one file; the new import is committed, whole and checked. Errors: CallerError.

        With an Idempotency-Key: unless an earlier request with the same one has done so.
        """
        if arrival.place is None:
            async with self.admission.place(arrival.retried_by or request.client) as place:
                return await self.receive(request, replace(arrival, place=place))
        if arrival.idempotency_key is None:
            return Receipt(await self._receive(request, arrival, arrival.place, None))
        told = fingerprint(request, retry_of=arrival.retry_of, corrected=arrival.corrected)
        asking = arrival.retried_by or request.client
        held = await self.once.claim(asking, arrival.idempotency_key, told)
        if isinstance(held, Earlier):
            return Receipt(answered_again(held, await self._sha256_of(request, arrival, arrival.place)), replayed=True)
        async with self.once.claim_guard(held):
            alive = replace(arrival, chunks=self.once.touch_while(held, arrival.chunks))
            return Receipt(await self._receive(request, alive, arrival.place, held))

    async def _receive(self, request: Request, arrival: Arrival, place: Place, held: Claim | None) -> int:
        """Take it in; the new import's id. Errors: CallerError.

        1. Refuse what can be refused before a byte is read.
        2. While the bytes arrive, store each part in a short transaction of its own.
        3. Let the import exist, in one last transaction. A file of one part needs no other.

        Whatever goes wrong on the way, nothing is left behind.
        """
        describe = describe_of(self.describe, request)
        await self.check_room(request.client)
        description = await described(describe, request)
        request = with_dedupe_fields(request, description)
        inspection = _inspection(request, description)
        incoming = self._incoming(request, arrival, place, inspection, held)
        async with aclosing(prefetch(pieces_of(incoming.file, arrival.chunks, place, heavy=arrival.packed))) as pieces:
            begun = [await self._first(pieces, incoming, description)]
            if (second := await anext(pieces, None)) is None:
                import_id = await self._keep_whole(incoming, begun.pop())
                self.backlog.add(request.client)
            else:
                begun += [] if second is NOTHING_YET else [second]
                del second  # a part is some megabytes: it is let go once it is stored
                import_id = await self._keep_parts(incoming, begun, pieces)
                self.backlog.forget()
        self.hit(Failpoint.ACCEPTED)
        self.wakeup.send()
        return import_id

    def _incoming(
        self, request: Request, arrival: Arrival, place: Place, inspection: Inspection | None, held: Claim | None
    ) -> "_Incoming":
        limit_bytes = self.part_bytes - envelope_bytes()
        corrected = Corrected(request.format.delimiter, limit_bytes=limit_bytes) if arrival.corrected else None
        file = UploadedFile(
            Decoder(
                content_encoding=arrival.content_encoding, charset=request.charset, limit_bytes=self.max_file_bytes
            ),
            Cutter(
                format=request.format,
                limit_bytes=limit_bytes,
                key_columns=request.target.key_columns,
                inspection=inspection,
                numbers=corrected.numbers if corrected else arrival.numbers,
            ),
            corrected,
        )
        left_out = corrected.left_out if corrected else arrival.left_out
        return _Incoming(request, arrival, place, file, inspection, held, left_out)

    async def _keep_whole(self, incoming: "_Incoming", piece: Piece) -> int:
        incoming.arrival.check_digest(incoming.file.sha256)
        async with incoming.place.storing(), self.db.write() as tx:
            import_id = await self._begin(tx, incoming)
            await _add(tx, import_id, incoming.request, piece)
            await self._accept(tx, import_id, incoming)
        return import_id

    async def _keep_parts(self, incoming: "_Incoming", begun: list[Piece], rest: AsyncIterator[Piece]) -> int:
        async with self.db.write() as tx:
            import_id = await self._begin(tx, incoming)
        self.hit(Failpoint.BEGUN)
        incoming.place.first_awaits_more = False
        try:
            while begun:
                await self._keep_part(import_id, incoming, begun.pop(0))
            async for piece in rest:
                if piece is not NOTHING_YET:
                    await self._keep_part(import_id, incoming, piece)
            incoming.arrival.check_digest(incoming.file.sha256)
            async with self.db.write() as tx:
                await schema.check(tx, self.revision)
                await self._accept(tx, import_id, incoming)
        except BaseException:
            await asyncio.shield(self.cleanup.take_back(import_id, partial(self.cleanup.upload, import_id)))
            raise
        return import_id

    async def _keep_part(self, import_id: int, incoming: "_Incoming", piece: Piece) -> None:
        self._check_disk()
        incoming.place.check()
        async with incoming.place.storing(), self.db.write() as tx:
            if not await imports.touch(tx, import_id, at=self.now()):
                raise _too_slow()
            await _add(tx, import_id, incoming.request, piece)
        incoming.place.moved()
        self.hit(Failpoint.PART_STORED)

    async def _begin(self, tx: AsyncConnection, incoming: "_Incoming") -> int:
        await schema.check(tx, self.revision)
        return await imports.begin(
            tx, incoming.request, at=self.now(), retry_of=incoming.arrival.retry_of, request_id=request_id()
        )

    async def _accept(self, tx: AsyncConnection, import_id: int, incoming: "_Incoming") -> None:
        at, request, arrival, file = self.now(), incoming.request, incoming.arrival, incoming.file
        source = SourceFile(request.file_name, file.size_bytes, file.sha256, file.rows, file.ragged_rows)
        left_out = incoming.left_out()
        missing = left_out if left_out.rows else None
        turn = await imports.accept(tx, import_id, file=source, columns=file.columns, at=at, left_out=missing)
        if turn is None:
            raise _too_slow()
        if incoming.held:
            await self.once.keep(tx, incoming.held, import_id=import_id, file_sha256=file.sha256)
        if retried := arrival.retry_of:
            by, name = arrival.retried_by, request.instance
            await imports.hold(tx, retried)
            about: dict[str, Any] = {"by": by, "as_import": import_id, "left_out": left_out.rows or None}
            await events.append(tx, Occurrence.RETRIED, at=at, instance=name, import_id=retried, **about)
        if file.ragged_rows:
            await events.append(
                tx,
                Occurrence.RAGGED,
                at=at,
                instance=request.instance,
                import_id=import_id,
                rows=file.ragged_rows,
                first_rows=file.first_ragged_rows,
            )
        if incoming.inspection and incoming.inspection.warned_rows:
            seen = incoming.inspection
            rows = iter(seen.kept)
            while some := list(islice(rows, STORED_ROWS)):
                kept = [NewRow.of(row.source_row, row.reason, row.values) for row in some]
                await results.keep_rows(tx, import_id, Kind.WARNINGS, kept)
            await events.append(
                tx,
                Occurrence.PREFLIGHT,
                at=at,
                instance=request.instance,
                import_id=import_id,
                rows=seen.warned_rows,
                rows_kept=len(seen.kept),
            )
        await parts.release(tx, import_id, turn=turn, due_at=request.not_before, at=at)

    async def check_room(self, client: str, *, asking: str | None = None, idempotency_key: str | None = None) -> None:
        """Whether another file of the client's can be taken; it holds nothing. Errors: Backlog, DiskFull.

        A request whose Idempotency-Key stands for an import needs no room: it is answered again.
        `asking`: whose key it is, where another client asks.
        """
        if idempotency_key and await self.once.stands(asking or client, idempotency_key):
            return
        waiting, own = await self.backlog.taken(
            client, limit=self.backlog_parts, client_limit=self.client_backlog_parts
        )
        if waiting >= self.backlog_parts:
            raise Backlog(
                f"The limit of waiting parts is reached: {waiting} of {self.backlog_parts}. "
                "Try again when some have gone.",
                retry_after_seconds=BACKLOG_RETRY_SECONDS,
            )
        if own >= self.client_backlog_parts:
            raise Backlog(
                f"The limit of one client's waiting parts is reached: {own} of {self.client_backlog_parts}. "
                "Try again when some of yours have gone.",
                code="client_backlog_full",
                retry_after_seconds=BACKLOG_RETRY_SECONDS,
            )
        self._check_disk()

    def _check_disk(self) -> None:
        free = disk_usage.free_bytes(self.db)
        if free is not None and free < self.disk_floor_bytes:
            raise DiskFull("The disk that keeps the files is almost full. Make room there, then send the file again.")

    async def _sha256_of(self, request: Request, arrival: Arrival, place: Place) -> str:
        """Of a file that is not kept. Empty where it could not have been taken. Errors: BrokenUpload, TooLarge."""
        decoder = Decoder(
            content_encoding=arrival.content_encoding, charset=request.charset, limit_bytes=self.max_file_bytes
        )
        try:
            async with aclosing(prefetch(blocks_of(arrival.chunks, BLOCK_BYTES))) as blocks:
                async for block in blocks:
                    place.check()
                    async with place.turn():
                        await asyncio.to_thread(deque, decoder.feed(block), 0)
            await asyncio.to_thread(deque, decoder.finish(), 0)
        except (Unreadable, BadFile):
            return ""
        arrival.check_digest(decoder.sha256)
        return decoder.sha256

    async def _first(
        self, pieces: AsyncIterator[Piece], incoming: "_Incoming", description: Description | None
    ) -> Piece:
        """The first part. Where anything is wrong with the file by then, all of it is told at once. Errors: BadFile."""
        try:
            first = await anext(pieces)
        except BadFile as refused:
            raise await self._whole_refusal(incoming, description, refused) from None
        if incoming.inspection and incoming.inspection.mistakes:
            await self._refuse_header(incoming, description)
        return first

    async def _refuse_header(self, incoming: "_Incoming", description: Description | None) -> None:
        """Before a header is refused, ask Marketo anew: the field may have been made since. Errors: BadFile.

        What cannot be asked cannot refuse.
        """
        if now := await describe_of(self.describe, incoming.request).fields_now(incoming.request.target):
            found = await self._diagnosis(incoming, now, description)
            if found.mistakes:
                raise refusal(found.mistakes)

    async def _whole_refusal(self, incoming: "_Incoming", description: Description | None, refused: BadFile) -> BadFile:
        """A refusal that tells of everything that is wrong, and not of the first thing alone."""
        if refused.code == "not_delimited":
            return refused
        now = None
        if incoming.request.preflight is not Preflight.OFF:
            now = await describe_of(self.describe, incoming.request).fields_now(incoming.request.target)
        found = await self._diagnosis(incoming, now, description)
        return refusal(everything(refused, found), code=refused.code)

    async def _diagnosis(
        self, incoming: "_Incoming", fields: Description | None, description: Description | None
    ) -> Diagnosis:
        file = incoming.file
        sample = Sample(file.sample, whole=file.is_in_sample)
        return await asyncio.to_thread(
            diagnose,
            sample,
            incoming.request,
            fields=fields,
            names=fields or description,
            corrected=incoming.arrival.corrected,
        )


@dataclass(frozen=True, slots=True)
class _Incoming:
    request: Request
    arrival: Arrival
    place: Place
    file: UploadedFile
    inspection: Inspection | None
    held: Claim | None  # the Idempotency-Key that is to stand for it
    left_out: Callable[[], LeftOut]


def _too_slow() -> TooSlow:
    message = "The upload came so slowly that it was given up. Send it over a better line, or compressed."
    return TooSlow(message, code="upload_too_slow")


def _inspection(request: Request, description: Description | None) -> Inspection | None:
    every_cell = request.preflight is Preflight.ROWS
    if request.preflight is Preflight.OFF or not (description or every_cell):
        return None
    return Inspection(request.target, request.format, description, every_cell, request.charset)


async def _add(tx: AsyncConnection, import_id: int, request: Request, piece: Piece) -> None:
    await parts.add(
        tx,
        import_id,
        request,
        number=piece.number,
        first_row=piece.first_row,
        rows=piece.rows,
        size_bytes=piece.size_bytes,
        blob=piece.blob,
        row_numbers=piece.row_numbers,
        keys=None if piece.keys is None else as_bytes(piece.keys),
        aside=piece.aside,
    )
