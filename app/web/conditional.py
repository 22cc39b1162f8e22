"""ETag and If-None-Match (RFC 9110, 8.8.3 and 13.1.2): a caller that has an answer already is not sent it again."""

import hashlib
import re

from fastapi import Request
from pydantic import BaseModel

TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def etag(answer: BaseModel, *, exclude: set[str]) -> str:
    """Weak ETag over all fields of an answer except `exclude`."""
    content = answer.model_dump_json(exclude=exclude).encode()
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """True when the caller named this tag in If-None-Match, which compares weakly, or said `*`."""
    header = ",".join(request.headers.getlist("if-none-match"))
    return header.strip() == "*" or tag.removeprefix("W/").strip('"') in TAG.findall(header)
