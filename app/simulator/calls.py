"""One call as it came in, with its parameters from wherever they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Call:
    """A request, read to its end. `fields` are form fields, filled in when the body has been understood."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""
    body_bytes: int = 0  # as received; more than `len(body)` when it was too large to hold
    uri_bytes: int = 0
    too_large: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")
