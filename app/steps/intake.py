"""Intake: a request body in, a stored import out. SAFE_ACK: it answers only after the commit."""

import asyncio
import hmac
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from app.clock import Clock
from app.domain.errors import Backlog, BadParameter, BrokenUpload, Detail, DiskFull, TooLarge
from app.domain.imports import Request, SourceFile, key_columns
from app.files.cutting import Cutter, Piece
from app.files.decoding import Decoder
from app.marketo.multipart import envelope_bytes
from app.store import imports, parts
from app.store.database import Database
from app.wake import Wake

BACKLOG_RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Intake:
    """Take a file in while its bytes arrive; store it part by part; then, and only then, let the import exist."""

    db: Database
    now: Clock
    wake: Wake
    instances: frozenset[str]
    part_bytes: int  # a part's whole request body, multipart envelope included
    max_file_bytes: int
    backlog_parts: int
    disk_floor_bytes: int

    async def receive(
        self,
        request: Request,
        chunks: AsyncIterator[bytes],
        *,
        content_encoding: str | None = None,
        sha256: bytes | None = None,
    ) -> int:
        """Receive one file and answer the new import's id: committed, whole and checked.

        1. Refuse what can be refused before a byte is read.
        2. Store each part in a short transaction of its own while the bytes arrive.
        3. Let the import exist, in one last transaction.

        Whatever goes wrong on the way, nothing is left behind. Errors: CallerError.
        """
        await self._check_before(request)
        decoder = Decoder(content_encoding=content_encoding, charset=request.charset, limit_bytes=self.max_file_bytes)
        cutter = Cutter(format=request.format, limit_bytes=self.file_bytes, required=key_columns(request.target))
        async with self.db.write() as tx:
            import_id = await imports.begin(tx, request, at=self.now())
        try:
            await self._store(import_id, request, chunks, decoder, cutter, sha256)
        except BaseException:
            await asyncio.shield(self._discard(import_id))
            raise
        self.wake.ring()
        return import_id

    @property
    def file_bytes(self) -> int:
        """What of a request body is left for the part's own file."""
        return self.part_bytes - envelope_bytes()

    async def _store(
        self,
        import_id: int,
        request: Request,
        chunks: AsyncIterator[bytes],
        decoder: Decoder,
        cutter: Cutter,
        sha256: bytes | None,
    ) -> None:
        async for chunk in chunks:
            for piece in cutter.feed(decoder.feed(chunk)):
                raise self._too_large(piece)
        pieces = cutter.feed(decoder.finish()) + cutter.finish()
        if len(pieces) > 1:
            raise self._too_large(pieces[0])
        if sha256 is not None and not hmac.compare_digest(sha256.hex(), decoder.sha256):
            raise BrokenUpload(
                "The file's SHA-256 is not the one in Content-Digest. Send the file again.", code="digest_mismatch"
            )
        for piece in pieces:
            await self._store_part(import_id, piece)
        at = self.now()
        file = SourceFile(request.file_name, decoder.size_bytes, decoder.sha256, cutter.rows)
        async with self.db.write() as tx:
            await imports.accept(tx, import_id, file=file, columns=cutter.columns, at=at)
            await parts.release(tx, import_id, due_at=request.not_before, at=at)

    async def _store_part(self, import_id: int, piece: Piece) -> None:
        async with self.db.write() as tx:
            await imports.touch(tx, import_id, at=self.now())
            await parts.add(
                tx,
                import_id,
                number=piece.number,
                first_row=piece.first_row,
                rows=piece.rows,
                size_bytes=piece.size_bytes,
                blob=piece.blob,
            )

    async def _discard(self, import_id: int) -> None:
        async with self.db.write() as tx:
            await imports.discard(tx, import_id)

    async def _check_before(self, request: Request) -> None:
        if request.instance not in self.instances:
            known = ", ".join(sorted(self.instances)) or "none is configured"
            raise BadParameter(
                f"There is no instance {request.instance!r}. Configured: {known}.",
                code="unknown_instance",
                details=(Detail(f"use one of: {known}", field="instance"),),
            )
        async with self.db.read() as tx:
            waiting = await parts.waiting_total(tx)
        if waiting >= self.backlog_parts:
            raise Backlog(
                f"{waiting} parts are waiting already, and {self.backlog_parts} may. Try again when some have gone.",
                retry_after_seconds=BACKLOG_RETRY_SECONDS,
            )
        if self.db.path and _free_bytes(self.db.path) < self.disk_floor_bytes:
            raise DiskFull("The disk that keeps the files is almost full. Make room there, then try again.")

    def _too_large(self, piece: Piece) -> TooLarge:
        return TooLarge(
            f"The file is larger than one part: its first {piece.rows} rows alone fill the {self.file_bytes} bytes "
            "that go to Marketo at once, and this version does not cut files. Send it as several smaller files."
        )


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path.absolute().parent).free
