"""A file that is being taken in: what was asked for, and what reads, cuts and inspects it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from app.domain.answers import Description
from app.domain.errors import BadFile
from app.domain.imports import LeftOut, Preflight, Request, SourceFile
from app.domain.timeouts import REVIEW_SECONDS, after
from app.files.column_mapping import ColumnMapping
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter
from app.files.decoding import Decoder, Unreadable
from app.files.inspection import Inspection
from app.files.prefetch import prefetch
from app.files.repeated_keys import RepeatedKeys
from app.files.uploaded_file import UploadedFile
from app.logs import request_id
from app.marketo.multipart import envelope_bytes
from app.store import imports
from app.store.idempotency import Claim
from app.store.imports import Accepted, Origin
from app.store.transaction import Transaction
from app.tracing import request_trace
from app.uploads.admission import Place
from app.uploads.arrival import Arrival
from app.uploads.part_files import BLOCK_BYTES, blocks_of


@dataclass(frozen=True, slots=True)
class FileLimits:
    part_bytes: int  # a part's whole request body, multipart envelope included
    file_bytes: int  # a whole file, decompressed


@dataclass(frozen=True, slots=True)
class Incoming:
    request: Request
    arrival: Arrival
    place: Place
    description: Description | None  # of the request's target, as Marketo gave it last
    file: UploadedFile
    inspection: Inspection | None
    claim: Claim | None  # on the Idempotency-Key that is to stand for it
    left_out: Callable[[], LeftOut]
    origin: Origin
    repeated: RepeatedKeys | None = None  # counts the rows whose key an earlier one has, for who looks before it goes

    def review_until(self, at: datetime) -> datetime | None:
        """Until when the import that is accepted now can be released; None: it is under no review."""
        return after(at, REVIEW_SECONDS) if self.request.review else None

    @property
    def source(self) -> SourceFile:
        """What is known of the file once it is read to its end."""
        file = self.file
        return SourceFile(self.request.file_name, file.size_bytes, file.sha256, file.rows, file.ragged_rows)


async def accept_import(tx: Transaction, import_id: int, incoming: Incoming, *, at: datetime) -> Accepted | None:
    """Let the import exist, now that its file is read to its end; under review where that was asked for.

    None where the upload took so long that it was given up.
    """
    return await imports.accept(
        tx,
        import_id,
        file=incoming.source,
        columns=incoming.file.columns,
        at=at,
        left_out=incoming.left_out(),
        review_until=incoming.review_until(at),
    )


def incoming_of(
    request: Request,
    arrival: Arrival,
    place: Place,
    description: Description | None,
    claim: Claim | None,
    limits: FileLimits,
) -> Incoming:
    part_bytes = limits.part_bytes - envelope_bytes()
    corrected = Corrected(request.format.delimiter, limit_bytes=part_bytes) if arrival.corrected else None
    inspection = _inspection(request, description)
    repeated = RepeatedKeys() if request.review and request.preflight is Preflight.ROWS else None
    cutter = Cutter(
        format=request.format,
        limit_bytes=part_bytes,
        key_columns=request.target.key_columns,
        inspection=inspection,
        repeated=repeated,
        numbers=corrected.numbers if corrected else arrival.numbers,
    )
    file = UploadedFile(_decoder(request, arrival, limits), cutter, corrected, _mapping(request, arrival, part_bytes))
    left_out = corrected.left_out if corrected else arrival.left_out
    origin = Origin(arrival.retry_of, request_id(), request_trace().traceparent)
    return Incoming(request, arrival, place, description, file, inspection, claim, left_out, origin, repeated)


def _mapping(request: Request, arrival: Arrival, limit_bytes: int) -> ColumnMapping | None:
    """What applies the request's column map; None for rows that are stored already, under Marketo's names."""
    if not request.column_map or (arrival.retry_of and not arrival.corrected):
        return None
    return ColumnMapping(
        request.column_map,
        request.format.delimiter,
        limit_bytes=limit_bytes,
        key_columns=request.target.key_columns,
        corrected=arrival.corrected,
    )


async def sha256_of(request: Request, arrival: Arrival, place: Place, limits: FileLimits) -> str:
    """Of a file that is not kept. Empty where it could not have been taken. Errors: BrokenUpload, TooLarge."""
    decoder = _decoder(request, arrival, limits)
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


def _decoder(request: Request, arrival: Arrival, limits: FileLimits) -> Decoder:
    return Decoder(content_encoding=arrival.content_encoding, charset=request.charset, limit_bytes=limits.file_bytes)


def _inspection(request: Request, description: Description | None) -> Inspection | None:
    every_cell = request.preflight is Preflight.ROWS
    if request.preflight is Preflight.OFF or not (description or every_cell):
        return None
    return Inspection(request.target, request.format, description, every_cell, request.charset)
