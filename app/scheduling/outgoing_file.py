"""The file of a part as it is sent to Marketo: read from the database and checked, so that nothing damaged goes out."""

from functools import partial

import structlog

from app.domain.answers import Refused
from app.domain.imports import Request
from app.domain.parts import Part
from app.files.compression import unpacked
from app.marketo.multipart import FILE_NAME, FormFile
from app.store import part_files
from app.store.blobs import Corrupt
from app.store.database import Database

log = structlog.get_logger()

DAMAGED = Refused(
    None,
    "What is stored of the part is damaged: it is not what was uploaded. It was not sent. Upload its rows again; "
    "whoever runs the service: look at the disk, and at `sluice check-database`.",
    whole_import=False,
    error="corrupt",
)
"""A refusal of our own: Marketo was never asked."""


async def load_outgoing(db: Database, part: Part, request: Request) -> FormFile | Refused:
    """The part's file; DAMAGED where it is not what was stored."""
    try:
        async with db.read() as tx:
            stored = await part_files.load_file(tx, part.id)
    except Corrupt:
        log.exception("a part is damaged, and is not sent", import_id=part.import_id, part=part.number)
        return DAMAGED
    assert stored is not None, "the rows of an unfinished import are not erased"
    return FormFile(FILE_NAME, request.format, part.size_bytes, partial(unpacked, stored.blob))
