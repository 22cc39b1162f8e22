"""The file of a job as it is sent to Marketo: read from the database and checked, so that nothing damaged goes out."""

import asyncio
from functools import partial

import structlog

from app.domain.answers import Refused
from app.domain.imports import Request
from app.domain.jobs import Job
from app.files.bundled_file import bundled, bundled_size
from app.files.compression import zstd
from app.marketo.multipart import FILE_NAME, FormFile
from app.store import job_queries, part_files
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.parts import Stale

log = structlog.get_logger()

DAMAGED = Refused(
    None,
    "What is stored of the part is damaged: it is not what was uploaded. It was not sent. Upload its rows again; "
    "whoever runs the service: look at the disk, and at `sluice check-database`.",
    whole_import=False,
    error="corrupt",
)
"""A refusal of our own: Marketo was never asked."""


async def load_outgoing(db: Database, job: Job, request: Request) -> FormFile | Refused:
    """The job's file, of the rows of all its parts; DAMAGED where one of these is not what was stored.

    The parts are held as they are stored, packed; their text never is. Errors: Stale, where the job is over.
    """
    async with db.read() as tx:
        parts = await job_queries.parts_of(tx, job.id)
        if len(parts) < job.parts:
            raise Stale(f"job {job.id} is over")
        try:
            stored = await part_files.load_files(tx, [part.id for part in parts])
        except Corrupt:
            log.exception("a part is damaged, and is not sent", import_ids=sorted({part.import_id for part in parts}))
            return DAMAGED
    blobs = [stored[part.id].blob for part in parts]  # the rows of an unfinished import are not erased
    header_bytes, size_bytes = parts[0].header_bytes, parts[0].size_bytes
    if len(parts) > 1:
        try:
            size_bytes = await asyncio.to_thread(bundled_size, blobs, header_bytes)
        except zstd.ZstdError:  # stored without a checksum
            log.exception("a part is damaged, and is not sent", import_ids=sorted({part.import_id for part in parts}))
            return DAMAGED
    return FormFile(FILE_NAME, request.format, size_bytes, partial(bundled, blobs, header_bytes))
