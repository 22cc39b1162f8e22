"""multipart/form-data, read as leniently as Marketo has been seen to read it.

Clients in production end the body with a boundary that lacks its last two dashes, add headers to parts and call a CSV
text/plain; all of it works there (Marketo/REST-Sample-Code; Talend's live tests). So it works here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from app.simulator.answers import Refusal

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


@dataclass(slots=True)
class Form:
    """The fields of a form; the file apart. `overhead_bytes` is what the envelope added to the file."""

    fields: dict[str, str] = field(default_factory=dict)
    file: bytes | None = None
    overhead_bytes: int = 0


def is_multipart(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def read_form(content_type: str, body: bytes) -> Form:
    """Refuses with 612 what is not multipart, with 613 what is broken."""
    if not is_multipart(content_type):
        raise Refusal("612")
    boundary = _BOUNDARY.search(content_type)
    if not boundary:
        raise Refusal("613")
    delimiter = b"--" + (boundary[1] or boundary[2]).encode("latin-1")
    form = Form()
    for start, end in _parts(body, delimiter):
        _add(form, body, start, end)
    form.overhead_bytes = len(body) - len(form.file or b"")
    return form


def _parts(body: bytes, delimiter: bytes) -> list[tuple[int, int]]:
    """Where each part begins (its headers) and ends."""
    marks = _delimiters(body, delimiter)
    if len(marks) < 2:
        raise Refusal("613")
    return [(after, before) for (_, after), (before, _) in pairwise(marks)]


def _delimiters(body: bytes, delimiter: bytes) -> list[tuple[int, int]]:
    """Each delimiter line: where the content before it ends, where the content after it starts."""
    marks: list[tuple[int, int]] = []
    at = body.find(delimiter)
    while at != -1:
        end = at + len(delimiter)
        rest = body[end : end + 2]
        at_line_start = at == 0 or body[at - 2 : at] == b"\r\n"
        if at_line_start and rest in (b"\r\n", b"--", b"", b"\r"):
            marks.append((max(at - 2, 0), min(end + 2, len(body))))
            if rest != b"\r\n":
                break
        at = body.find(delimiter, end)
    return marks


def _add(form: Form, body: bytes, start: int, end: int) -> None:
    blank = body.find(b"\r\n\r\n", start, end)
    if blank == -1:
        raise Refusal("613")
    headers, content = body[start:blank], body[blank + 4 : end]
    name = next((n for line in headers.split(b"\r\n") if (n := _name(line)) is not None), None)
    if name is None:
        raise Refusal("613")
    if name == "file":
        form.file = content
    else:
        form.fields[name] = content.decode("utf-8", "replace")


def _name(header: bytes) -> str | None:
    if not header.lower().startswith(b"content-disposition:"):
        return None
    name = _NAME.search(header)
    return (name[1] if name[1] is not None else name[2]).decode("utf-8", "replace") if name else None
