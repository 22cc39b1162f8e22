"""A multipart form that is read as it arrives: small fields into memory, the file into a spool."""

import shutil
import tempfile
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.concurrency import run_in_threadpool

from app.domain.errors import BadParameter, BrokenUpload, Detail, DiskFull, TooLarge
from app.encryption.vault import Spool
from app.files.file_kinds import packing_of
from app.web.form_part import SHOWN_CHARACTERS, FormPart
from app.web.import_parameters import KNOWN

SPOOL_BYTES = 1 << 18  # of a form's file that stay in memory; more goes to a temporary file
LOOK_BYTES = 1 << 23  # written to the temporary file between two checks of the free space on its disk
CHUNK_BYTES = 1 << 16
FIELD_BYTES = 1 << 16
FIELDS = 64
FIELDS_BYTES = 1 << 18  # of all together
PART_HEADERS = 16  # of one part
DEFAULT_CHARSET = "_charset_"  # a field that says in which charset the others are. RFC 7578, 4.6


class Form:
    """A form: `read` it first, then ask for its file and its fields."""

    file: FormPart

    def __init__(self, spool: Spool, boundary: bytes, limit_bytes: int, *, floor_bytes: int, open_end: bool) -> None:
        """`floor_bytes`: what the spool leaves free on its disk. Errors: BrokenUpload."""
        if not boundary:
            raise BrokenUpload("The form's Content-Type names no boundary.")
        self._spool = spool
        self._spooled_bytes = self._fields_bytes = 0
        self._limit_bytes = limit_bytes
        self._floor_bytes = floor_bytes
        self._look_at_bytes = SPOOL_BYTES
        self._delimiter = b"\r\n--" + boundary
        self._open_end = open_end
        self._tail = b""
        self._ended = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: list[tuple[str, str]] = []
        self._part: FormPart | None = None
        self._file: FormPart | None = None
        self._fields: list[FormPart] = []
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
                max_header_count=PART_HEADERS + 1,  # one more is refused in our words
            )
        except FormParserError:
            raise BrokenUpload("The form's boundary is not one that a form may have.") from None

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Errors: BadParameter, BrokenUpload, DiskFull, TooLarge."""
        try:
            async for chunk in chunks:
                if self._spooled_bytes > SPOOL_BYTES:
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
        if self._file is None:
            raise _no_file(next((part for part in self._fields if part.file_name), None))
        self.file = self._file
        self._spool.seek(0)

    def fields(self) -> list[tuple[str, str]]:
        """Names and values. Errors: BadParameter."""
        charset = next((part.text("utf-8") for part in self._fields if part.name == DEFAULT_CHARSET), "utf-8")
        return [(part.name, part.text(charset)) for part in self._fields if part.name != DEFAULT_CHARSET]

    def content_encoding(self) -> str | None:
        """How the file is compressed: as its part says, or as its first bytes show."""
        beginning = self._spool.read(CHUNK_BYTES)
        self._spool.seek(0)
        return self.file.claims.get("content-encoding") or packing_of(beginning)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file, as they came."""
        while chunk := await run_in_threadpool(self._spool.read, CHUNK_BYTES):
            yield chunk

    @property
    def _tail_bytes(self) -> int:
        return len(self._delimiter) + len(b"\r\n")

    def _finish(self) -> None:
        """End a form whose last boundary lacks its `--`, as in Adobe's own Java sample.

        Where a line end follows on the boundary, the parser has ended the part already.
        """
        if self._tail.endswith(self._delimiter):
            self._parser.write(b"--\r\n")
        self._ended = True

    def _on_header(self) -> None:
        if len(self._headers) == PART_HEADERS:
            raise BrokenUpload(f"A part of the form has more than {PART_HEADERS} headers.")
        name, value = (bytes(half).decode("latin-1") for half in self._header)
        self._headers.append((name, value))
        self._header = (bytearray(), bytearray())

    def _on_part(self) -> None:
        part, self._headers = FormPart.of(self._headers), []
        if part.is_file and self._file:
            raise BadParameter("The form has two parts named `file`. An import takes one.", code="two_files")
        if part.is_file:
            self._file = part
        self._part = part

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        assert self._part
        self._take(self._part, self._part.take(data[start:end]))

    def _on_part_end(self) -> None:
        assert self._part
        self._take(self._part, self._part.end())
        if not self._part.is_file:
            if len(self._fields) >= FIELDS:
                raise BadParameter(f"The form has more than {FIELDS} fields.")
            self._fields.append(self._part)
        self._part = None

    def _on_end(self) -> None:
        self._ended = True

    def _take(self, part: FormPart, chunk: bytes) -> None:
        if part.is_file:
            self._spool_file(chunk)
            return
        part.value += chunk
        self._fields_bytes += len(chunk)
        if self._fields_bytes > FIELDS_BYTES:
            raise BadParameter(f"The form's fields are longer than {FIELDS_BYTES} bytes together.")
        if len(part.value) > FIELD_BYTES:
            is_parameter = self._file or (part.name in KNOWN and not part.file_name)
            raise _too_long(part) if is_parameter else _no_file(part)

    def _spool_file(self, chunk: bytes) -> None:
        self._spooled_bytes += len(chunk)
        if self._spooled_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        if self._spooled_bytes > self._look_at_bytes:
            self._look_at_bytes = self._spooled_bytes + LOOK_BYTES
            if shutil.disk_usage(tempfile.gettempdir()).free < self._floor_bytes:
                raise _disk_full("almost full")
        self._spool.write(chunk)


def too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than the {limit_bytes} bytes that are taken. Send it in pieces.")


def _no_file(other: FormPart | None) -> BadParameter:
    """`other`: a part that may be it, under another name."""
    message = "The form has no part named `file`. Name the part that holds the file so."
    if other:
        hint = f"The part {other.name[:SHOWN_CHARACTERS]!r} holds one, as it seems"
        message = f"The form has no part named `file`. {hint}: call it `file`; with curl, `-F file=@FILE`."
    return BadParameter(message, code="no_file", details=(Detail(message, field="file"),))


def _too_long(part: FormPart) -> BadParameter:
    return BadParameter(f"The field {part.name[:SHOWN_CHARACTERS]!r} is longer than {FIELD_BYTES} bytes.")


def _disk_full(how: str) -> DiskFull:
    return DiskFull(f"The disk for temporary files is {how}. Make room there, or send the file raw, which needs none.")
