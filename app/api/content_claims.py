"""What a request, or a form's part, says of its bytes. It is believed or refused, and never passed over."""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.header_fields import options_of
from app.domain.errors import BadParameter, BrokenUpload, Detail, UnsupportedMedia
from app.domain.imports import Format
from app.files.charsets import is_same

UNDERSTOOD = frozenset(
    {
        "content-type", "content-length", "content-encoding", "content-transfer-encoding", "content-disposition",
        "content-digest", "content-md5",
    }
)  # fmt: skip
WITHOUT_MEANING = frozenset({"content-language", "content-location", "content-description", "content-id"})
"""They say nothing of which bytes these are, or how they are written."""
WHOLE = {"upload-complete": "?1", "upload-incomplete": "?0", "upload-offset": "0"}
"""Headers of resumable uploads, each with what it says where the file is whole. IETF draft, and tus."""
LENGTHS = ("upload-length", "x-upload-content-length")  # of the whole file
NO_CHARSET = frozenset({"", "binary"})
NAMED_CHARACTERS = 40

ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),  # Content-MD5, RFC 1864: against accidents
}


def said_by(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by their names in lower case. What is said twice, and differs, is said by a list (RFC 9110, 5.3)."""
    values: dict[str, dict[str, None]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), {})[value.strip()] = None
    return {name: ", ".join(each) for name, each in values.items()}


def refuse_piece(headers: Mapping[str, str]) -> None:
    """Errors: BrokenUpload partial_upload."""
    for name, value in headers.items():
        if name in {"content-range", "x-content-range"} or value != WHOLE.get(name, value):
            raise _piece(f"{name.title()} says that this is a piece of a file.")
        if name in LENGTHS and value != headers.get("content-length"):
            raise _piece(f"{name.title()} says that the file has {value[:NAMED_CHARACTERS]} bytes; here are others.")
        if name.startswith("content-") and name not in UNDERSTOOD | WITHOUT_MEANING:
            raise _piece(f"{name.title()[:NAMED_CHARACTERS]} is not known here, and may change what the bytes mean.")


def _piece(why: str) -> BrokenUpload:
    message = f"{why} Send the whole file in one request, without that header: a file of any size is taken."
    return BrokenUpload(message, code="partial_upload")


@dataclass(frozen=True, slots=True)
class MediaType:
    """What Content-Type says."""

    kind: str  # in lower case
    options: Mapping[bytes, bytes]

    @classmethod
    def read(cls, header: str | bytes) -> "MediaType":
        return cls(*options_of(header))

    @property
    def charset(self) -> str:
        """Empty where it names none."""
        named = self.options.get(b"charset", b"").decode("latin-1")
        return "" if named.lower() in NO_CHARSET else named

    def parameters(self, named: Mapping[str, str]) -> list[tuple[str, str]]:
        """What it says that a parameter would, where none does. Errors: BadParameter where one does, and differs."""
        if self.options.get(b"header", b"").lower() == b"absent":
            message = "Content-Type says that the file has no header line. Put one before its rows, and leave that out."
            raise BadParameter(message)
        told = {"charset": self.charset} if self.charset else {}
        if self.kind == Format.TSV.media_type:
            told["format"] = str(Format.TSV)
        for name, value in told.items():
            if (given := named.get(name)) and not is_same(given, value):
                message = f"is {given!r}, but Content-Type says {value!r}; send the right one, or one only"
                raise BadParameter(f"{name}: {message}", details=(Detail(message, field=name),))
        return [(name, value) for name, value in told.items() if not named.get(name)]


class Digests:
    """What the bytes' digests are said to be (RFC 9530, RFC 1864), and what those that came have."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Errors: BrokenUpload invalid_digest."""
        self.told = {**_structured(headers.get("content-digest")), **_structured(headers.get("repr-digest"))}
        if (md5 := headers.get("content-md5")) is not None:
            self.told["md5"] = _bytes_of("md5", md5.strip(), "Content-MD5 is not base64 of 16 bytes.")
        self._seen = {name: ALGORITHMS[name]() for name in self.told}

    def update(self, chunk: bytes) -> None:
        for digest in self._seen.values():
            digest.update(chunk)

    def hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks."""
        return self._hashed(chunks) if self.told else chunks

    async def _hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.update(chunk)
            yield chunk

    def check(self, file_sha256: str = "") -> None:
        """Once all has come. A SHA-256 may be that of the file, too. Errors: BrokenUpload digest_mismatch."""
        for name, told in self.told.items():
            if told != self._seen[name].digest() and not (name == "sha-256" and told.hex() == file_sha256):
                header = "Content-MD5" if name == "md5" else "Content-Digest"
                named = name.upper()
                message = f"The file's {named} is not the one in {header}. Send the file again."
                raise BrokenUpload(message, code="digest_mismatch")


def _structured(header: str | None) -> dict[str, bytes]:
    """The digests of a header by RFC 9530, of those algorithms that are known. Others say nothing that can be held."""
    found = {}
    for one in (header or "").split(","):
        name, _, value = one.strip().partition("=")
        name = name.strip().lower()
        if name in {"sha-256", "sha-512"}:
            value = value.partition(";")[0].strip()
            message = f"Content-Digest is not of the form {name}=:…base64…:"
            if len(value) < 2 or not value.startswith(":") or not value.endswith(":"):
                raise BrokenUpload(message, code="invalid_digest")
            found[name] = _bytes_of(name, value[1:-1], message)
    return found


def _bytes_of(algorithm: str, text: str, message: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise BrokenUpload(message, code="invalid_digest")
    return digest


def unsupported(kind: str) -> UnsupportedMedia:
    """A media type that no file comes in, with what to say or do instead."""
    named = f"Content-Type {kind[:NAMED_CHARACTERS]!r} is not taken."
    match kind:
        case "application/x-www-form-urlencoded":
            told = (
                "It is what `curl -d` says, which also takes the line ends out of a file. Send it with "
                "`--data-binary @FILE` or `-T FILE -X POST`, and `-H 'Content-Type: text/csv'`."
            )
        case "application/gzip" | "application/x-gzip":
            told = "Send the packed file as text/csv with Content-Encoding: gzip."
        case "application/zstd":
            told = "Send the packed file as text/csv with Content-Encoding: zstd."
        case "application/json" | "application/x-ndjson" | "application/jsonl":
            told = "Send CSV: a line with the columns' names, then a line for each record."
        case _ if kind.startswith("application/vnd.") and ("sheet" in kind or "excel" in kind):
            told = "Save the sheet as CSV and send that as text/csv."
        case _:
            told = "Send the file as text/csv, or a form with a part named `file`."
    return UnsupportedMedia(f"{named} {told}", code="unsupported_media_type")
