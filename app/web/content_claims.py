"""Headers in which a request, or a part of a form, makes claims about its bytes.

Each claim is either believed or refused. None is ignored.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import BadParameter, BrokenUpload, Detail, UnsupportedMedia
from app.domain.formats import Format
from app.files.charsets import is_same
from app.web.header_fields import options_of

UNDERSTOOD = frozenset(
    {
        "content-type", "content-length", "content-encoding", "content-transfer-encoding", "content-disposition",
        "content-digest", "content-md5",
    }
)  # fmt: skip
WITHOUT_MEANING = frozenset({"content-language", "content-location", "content-description", "content-id"})
"""Headers that say neither which bytes these are nor how they are encoded."""
WHOLE = {"upload-complete": "?1", "upload-incomplete": "?0", "upload-offset": "0"}
"""Headers of resumable uploads (an IETF draft, and tus), each with its value where the file is whole."""
LENGTHS = ("upload-length", "x-upload-content-length")  # headers with the length of the whole file
NO_CHARSET = frozenset({"", "binary"})
NAMED_CHARACTERS = 40

ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),  # Content-MD5, RFC 1864: against accidents
}


def read_claims(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by their names in lower case. Different values of one name become a list (RFC 9110, 5.3)."""
    values: dict[str, dict[str, None]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), {})[value.strip()] = None
    return {name: ", ".join(each) for name, each in values.items()}


def refuse_partial(headers: Mapping[str, str]) -> None:
    """Refuse what says that it is a piece of a file. Errors: BrokenUpload partial_upload."""
    for name, value in headers.items():
        if name in {"content-range", "x-content-range"} or value != WHOLE.get(name, value):
            raise _partial_upload(f"{name.title()} says that this is a piece of a file.")
        if name in LENGTHS and value != headers.get("content-length"):
            raise _partial_upload(
                f"{name.title()} says that the file has {value[:NAMED_CHARACTERS]} bytes; here are others."
            )
        if name.startswith("content-") and name not in UNDERSTOOD | WITHOUT_MEANING:
            raise _partial_upload(
                f"{name.title()[:NAMED_CHARACTERS]} is not known here, and may change what the bytes mean."
            )


def _partial_upload(why: str) -> BrokenUpload:
    message = f"{why} Send the whole file in one request, without that header: a file of any size is taken."
    return BrokenUpload(message, code="partial_upload")


@dataclass(frozen=True, slots=True)
class MediaType:
    """The value of a Content-Type header."""

    kind: str  # in lower case
    options: Mapping[bytes, bytes]

    @classmethod
    def read(cls, header: str | bytes) -> "MediaType":
        return cls(*options_of(header))

    @property
    def charset(self) -> str:
        """The charset that it names; empty where it names none."""
        charset = self.options.get(b"charset", b"").decode("latin-1")
        return "" if charset.lower() in NO_CHARSET else charset

    def parameters(self, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
        """The parameters of an import that it implies and that `parameters` do not state.

        Errors: BadParameter where they state something else.
        """
        if self.options.get(b"header", b"").lower() == b"absent":
            message = "Content-Type says that the file has no header line. Put one before its rows, and leave that out."
            raise BadParameter(message)
        claimed = {"charset": self.charset} if self.charset else {}
        if format_ := Format.of_media_type(self.kind):
            claimed["format"] = str(format_)
        for name, value in claimed.items():
            if (stated := parameters.get(name)) and not is_same(stated, value):
                message = f"is {stated!r}, but Content-Type says {value!r}; send the right one, or one only"
                raise BadParameter(f"{name}: {message}", details=(Detail(message, field=name),))
        return [(name, value) for name, value in claimed.items() if not parameters.get(name)]


class Digests:
    """The digests that headers claim for the bytes (RFC 9530, RFC 1864), and the digests of the bytes that came."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Errors: BrokenUpload invalid_digest."""
        self._claimed = {**_structured(headers.get("content-digest")), **_structured(headers.get("repr-digest"))}
        if (md5 := headers.get("content-md5")) is not None:
            self._claimed["md5"] = _bytes_of("md5", md5.strip(), "Content-MD5 is not base64 of 16 bytes.")
        self._computed = {name: ALGORITHMS[name]() for name in self._claimed}

    def update(self, chunk: bytes) -> None:
        for digest in self._computed.values():
            digest.update(chunk)

    def hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks, each of them added to the digests on its way."""
        return self._hashed(chunks) if self._claimed else chunks

    async def _hashed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.update(chunk)
            yield chunk

    def check(self, file_sha256: str = "") -> None:
        """Call this once all bytes have come. A SHA-256 may also be that of the file.

        Errors: BrokenUpload digest_mismatch.
        """
        for name, claimed in self._claimed.items():
            if claimed != self._computed[name].digest() and not (name == "sha-256" and claimed.hex() == file_sha256):
                header = "Content-MD5" if name == "md5" else "Content-Digest"
                algorithm = name.upper()
                message = f"The file's {algorithm} is not the one in {header}. Send the file again."
                raise BrokenUpload(message, code="digest_mismatch")


def _structured(header: str | None) -> dict[str, bytes]:
    """The digests in a header of RFC 9530, of the algorithms that are supported; others are ignored."""
    digests = {}
    for item in (header or "").split(","):
        name, _, value = item.strip().partition("=")
        name = name.strip().lower()
        if name in {"sha-256", "sha-512"}:
            value = value.partition(";")[0].strip()
            message = f"Content-Digest is not of the form {name}=:…base64…:"
            if len(value) < 2 or not value.startswith(":") or not value.endswith(":"):
                raise BrokenUpload(message, code="invalid_digest")
            digests[name] = _bytes_of(name, value[1:-1], message)
    return digests


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
    complaint = f"Content-Type {kind[:NAMED_CHARACTERS]!r} is not taken."
    match kind:
        case "application/x-www-form-urlencoded":
            advice = (
                "It is what `curl -d` says, which also takes the line ends out of a file. Send it with "
                "`--data-binary @FILE` or `-T FILE -X POST`, and `-H 'Content-Type: text/csv'`."
            )
        case "application/gzip" | "application/x-gzip":
            advice = "Send the packed file as text/csv with Content-Encoding: gzip."
        case "application/zstd":
            advice = "Send the packed file as text/csv with Content-Encoding: zstd."
        case "application/json" | "application/x-ndjson" | "application/jsonl":
            advice = "Send CSV: a line with the columns' names, then a line for each record."
        case _ if kind.startswith("application/vnd.") and ("sheet" in kind or "excel" in kind):
            advice = "Save the sheet as CSV and send that as text/csv."
        case _:
            advice = "Send the file as text/csv, or a form with a part named `file`."
    return UnsupportedMedia(f"{complaint} {advice}", code="unsupported_media_type")
