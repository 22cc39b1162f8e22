"""Which parts may be in one job of Marketo's: those that say the same of it, and begin with the same header."""

import hashlib
import json

from app.domain.imports import Bundle, Request
from app.domain.objects import fields_of


def alike_of(request: Request, header: bytes) -> str | None:
    """A digest, the same for parts that may be in one job; None for one that is to go alone.

    Only parts of one priority go together, too; but that may be changed, so it is no part of the digest.
    `header`: the first record of the part's file as it is sent, with its line end: the job has it once.
    """
    if request.bundle is Bundle.NEVER:
        return None
    target = request.target
    same = {
        "object_type": target.object_type,
        "parameters": fields_of(target),
        "record_key": target.key_fields,
        "format": request.format,
        "on_unconfirmed": request.on_unconfirmed,
        "header": header.hex(),
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:32]
