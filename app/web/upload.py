"""An upload's body, raw or as a form. Neither is ever held whole in memory."""

import base64
import binascii
import hashlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.concurrency import run_in_threadpool

from app.domain.errors import BadParameter, BrokenUpload, Detail, DiskFull, TooLarge, UnsupportedMedia
from app.files.charsets import is_same
from app.settings import Settings
from app.steps.intake import Arrival
from app.web.header_fields import file_name_in, options_of

RAW = frozenset({"", "text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"})
FORM = "multipart/form-data"
SPOOL_BYTES = 1 << 20  # of a form's file that stay in memory; the rest goes to a temporary file
LOOK_BYTES = 1 << 23  # that go to the temporary file between two looks at the room on its disk
CHUNK_BYTES = 1 << 16
FIELD_BYTES = 1 << 16
FIELDS = 64
NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Upload:
    arrival: Arrival
    fields: list[tuple[str, str]]
    file_name: str | None


@asynccontextmanager
async def received(
    request: Request,
    settings: Settings,
    *,
    admit: Callable[[], Awaitable[None]] | None,
    limit_bytes: int | None = None,
    open_end: bool = False,
) -> AsyncIterator[Upload]:
    """The upload in a request's body. Errors: UnsupportedMedia, TooLarge, BrokenUpload, BadParameter, DiskFull.

    `admit` raises where a form is not to be read: a raw body can still be refused unread when this has ended.
    `limit_bytes`: where it is less than the settings say.
    `open_end`: the last boundary of a form need not say by `--` that it is the last.
    """
    limit_bytes = min(limit_bytes or settings.max_file_bytes, settings.max_file_bytes)
    kind, options = options_of(request.headers.get("content-type", ""))
    encoding = request.headers.get("content-encoding")
    sha256 = _digest(request.headers.get("content-digest"))
    if kind in RAW:
        _refuse_length(request, encoding, limit_bytes)
        charset = _charset(request, kind, options)
        name = _plain_name(file_name_in(request.headers.get("content-disposition", "")))
        sent = _Hashed(request.stream()) if sha256 else None
        chunks = sent.chunks() if sent else request.stream()
        yield Upload(Arrival(chunks, encoding, sha256, sent.sha256 if sent else None), charset, name)
    elif kind == FORM:
        if encoding and encoding.lower() != "identity":
            raise UnsupportedMedia("A form cannot be compressed. Send the file raw, or the form as it is.")
        if admit:
            await admit()
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            form = _Form(
                spool, options.get(b"boundary", b""), limit_bytes, settings.disk_floor_bytes, open_end=open_end
            )
            await form.read(request, hashed=sha256 is not None)
            told = form.sent.sha256 if form.sent else None
            yield Upload(Arrival(form.chunks(), None, sha256, told), form.fields, _plain_name(form.file_name))
    else:
        raise UnsupportedMedia(
            f"Content-Type {kind!r} is not taken. Send the file as text/csv, or a form with a part named `file`.",
            code="unsupported_media_type",
        )


class _Hashed:
    """Bytes that are hashed as they come."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._digest = hashlib.sha256()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._digest.update(chunk)
            yield chunk

    def sha256(self) -> bytes:
        return self._digest.digest()


class _Form:
    """A multipart form that is read as it arrives: small fields into memory, the file into a spool."""

    def __init__(
        self, spool: IO[bytes], boundary: bytes, limit_bytes: int, floor_bytes: int, *, open_end: bool = False
    ) -> None:
        if not boundary:
            raise BrokenUpload("The form's Content-Type names no boundary.")
        self.fields: list[tuple[str, str]] = []
        self.file_name: str | None = None
        self.sent: _Hashed | None = None
        self._spool = spool
        self._limit_bytes = limit_bytes
        self._floor_bytes = floor_bytes
        self._look_at_bytes = SPOOL_BYTES
        self._delimiter = b"\r\n--" + boundary
        self._open_end = open_end
        self._tail = b""
        self._bytes = 0
        self._has_file = False
        self._ended = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._name = ""
        self._value: bytearray | None = None
        self._disposition = b""  # not decoded yet: the names in it are UTF-8, its parser passes them on as bytes
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_part,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise BrokenUpload("The form's boundary is not one that a form may have.") from None

    async def read(self, request: Request, *, hashed: bool) -> None:
        self.sent = _Hashed(request.stream()) if hashed else None
        try:
            async for chunk in self.sent.chunks() if self.sent else request.stream():
                if self._bytes > SPOOL_BYTES:
                    await run_in_threadpool(self._parser.write, chunk)
                else:
                    self._parser.write(chunk)
                self._tail = (self._tail + chunk[-self._tail_bytes :])[-self._tail_bytes :]
            if self._open_end and self._tail.removesuffix(b"\r\n").endswith(self._delimiter):
                self._finish()
        except FormParserError:
            raise BrokenUpload("The form cannot be read as multipart/form-data.") from None
        except OSError:
            raise _disk_full("full") from None
        if not self._ended:
            raise BrokenUpload("The form breaks off before its last boundary. Send it again.")
        if not self._has_file:
            message = "The form has no part named `file`. Name the part that holds the file so."
            raise BadParameter(message, code="no_file", details=(Detail(message, field="file"),))
        self._spool.seek(0)

    @property
    def _tail_bytes(self) -> int:
        return len(self._delimiter) + len(b"\r\n")

    def _finish(self) -> None:
        """The last boundary lacks its `--`, as in Adobe's own Java sample. Behind a line end it has ended its part."""
        if self._tail.endswith(self._delimiter):
            self._parser.write(b"--\r\n")
        self._ended = True

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := await run_in_threadpool(self._spool.read, CHUNK_BYTES):
            yield chunk

    def _on_header(self) -> None:
        name, value = (bytes(half) for half in self._header)
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = (bytearray(), bytearray())

    def _on_part(self) -> None:
        _, options = options_of(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name != "file":
            self._value = bytearray()
            return
        if self._has_file:
            raise BadParameter("The form has two parts named `file`. An import takes one.", code="two_files")
        self._has_file = True
        name = options.get(b"filename")
        self.file_name = name.decode("utf-8", "replace") if name else None

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self._bytes += end - start
            if self._bytes > self._limit_bytes:
                raise _too_large(self._limit_bytes)
            if self._bytes > self._look_at_bytes:
                self._look_at_bytes = self._bytes + LOOK_BYTES
                if shutil.disk_usage(tempfile.gettempdir()).free < self._floor_bytes:
                    raise _disk_full("almost full")
            self._spool.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES:
            raise BadParameter(f"The field {self._name!r} is longer than {FIELD_BYTES} bytes.")

    def _on_part_end(self) -> None:
        if self._value is not None:
            if len(self.fields) >= FIELDS:
                raise BadParameter(f"The form has more than {FIELDS} fields.")
            self.fields.append((self._name, self._value.decode("utf-8", "replace")))
        self._value, self._disposition = None, b""

    def _on_end(self) -> None:
        self._ended = True


def _charset(request: Request, kind: str, options: dict[bytes, bytes]) -> list[tuple[str, str]]:
    """A text's Content-Type says what the parameter would. Errors: BadParameter where both do, and differ."""
    told, named = options.get(b"charset", b"").decode("latin-1"), request.query_params.get("charset")
    if not told or not kind.startswith("text/"):
        return []
    if named and not is_same(told, named):
        message = f"is {named!r}, but Content-Type says {told!r}; send the right one, or one only"
        raise BadParameter(f"charset: {message}", details=(Detail(message, field="charset"),))
    return [] if named else [("charset", told)]


def _refuse_length(request: Request, encoding: str | None, limit_bytes: int) -> None:
    """An honest Content-Length that is too large saves both sides the upload: nothing of it is read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit_bytes and (encoding or "identity").lower() == "identity":
        raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than the {limit_bytes} bytes that are taken. Send it in pieces.")


def _disk_full(how: str) -> DiskFull:
    return DiskFull(f"The disk for temporary files is {how}. Make room there, or send the file raw, which needs none.")


def _digest(header: str | None) -> bytes | None:
    """The SHA-256 of a Content-Digest header (RFC 9530); other algorithms are left alone."""
    found = re.search(r"(?:^|[\s,])sha-256=:([^:]*):", header or "")
    if header is None or (found is None and "sha-256" not in header):
        return None
    try:
        digest = base64.b64decode(found.group(1) if found else "", validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise BrokenUpload("Content-Digest is not of the form sha-256=:…base64…:", code="invalid_digest")
    return digest


def _plain_name(name: str | None) -> str | None:
    """The name without a path: some clients send the whole of it."""
    if not name:
        return None
    whole = name.replace("\\", "/").replace("\0", "").encode("utf-8", "replace").decode()
    return PurePath(whole).name[:NAME_CHARACTERS] or None
