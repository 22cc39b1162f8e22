"""ETag and If-None-Match (RFC 9110, 8.8.3 and 13.1.2): whoever knows a thing as it stands need not be sent it again."""

import hashlib
import re

from fastapi import Request
from pydantic import BaseModel

TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def etag(shown: BaseModel, *, beside: set[str]) -> str:
    """Another one whenever a field has another value, those `beside` apart: for their sake it is a weak one."""
    told = shown.model_dump_json(exclude=beside).encode()
    return f'W/"{hashlib.blake2b(told, digest_size=12).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """True when the caller named this tag in If-None-Match, which compares weakly, or said `*`."""
    named = ",".join(request.headers.getlist("if-none-match"))
    return named.strip() == "*" or tag.removeprefix("W/").strip('"') in TAG.findall(named)
