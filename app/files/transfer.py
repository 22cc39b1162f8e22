"""Undoes a Content-Transfer-Encoding (RFC 2045). Takes chunks of any size."""

import base64
import binascii
import re
from typing import Protocol

from app.domain.errors import BrokenUpload, UnsupportedMedia

AS_THEY_ARE = frozenset({"", "7bit", "8bit", "binary", "text/plain"})
"""Encodings that change nothing. The last one is not an encoding, but a known client of Marketo sends it."""
BLANKS = b" \t\r\n"
NO_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
"""An equals sign that begins no escape. The pattern looks three bytes ahead and never goes back."""
LONGEST_ESCAPE = len(b"=\r\n")


class TransferDecoder(Protocol):
    def feed(self, chunk: bytes) -> bytes:
        """The decoded bytes. Errors: BrokenUpload."""

    def finish(self) -> bytes:
        """The rest of the decoded bytes. Errors: BrokenUpload."""


def transfer_decoder(named: str) -> TransferDecoder | None:
    """The decoder for an encoding; None where it changes nothing. Errors: UnsupportedMedia unsupported_encoding."""
    match named.strip().lower():
        case "base64":
            return _Base64()
        case "quoted-printable":
            return _QuotedPrintable()
        case other if other in AS_THEY_ARE:
            return None
    raise UnsupportedMedia(
        f"Content-Transfer-Encoding {named[:40]!r} is not known here. Use base64, quoted-printable or none.",
        code="unsupported_encoding",
    )


class _Base64:
    def __init__(self) -> None:
        self._held = b""
        self._ended = False

    def feed(self, chunk: bytes) -> bytes:
        written = self._held + chunk.translate(None, BLANKS)
        whole = len(written) // 4 * 4
        written, self._held = written[:whole], written[whole:]
        if self._ended and (written or self._held):
            raise _broken("base64")
        try:
            decoded = base64.b64decode(written, validate=True)
        except binascii.Error:
            raise _broken("base64") from None
        self._ended = self._ended or written.endswith(b"=")
        return decoded

    def finish(self) -> bytes:
        if self._held:
            raise _broken("base64")
        return b""


class _QuotedPrintable:
    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        written = self._held + chunk
        begun = written.rfind(b"=", max(0, len(written) - LONGEST_ESCAPE + 1))
        begun = len(written) if begun < 0 else begun
        written, self._held = written[:begun], written[begun:]
        return _unquoted(written)

    def finish(self) -> bytes:
        unfinished, self._held = self._held, b""
        return _unquoted(unfinished)


def _unquoted(written: bytes) -> bytes:
    """Errors: BrokenUpload."""
    if NO_ESCAPE.search(written):
        raise _broken("quoted-printable")
    return binascii.a2b_qp(written)


def _broken(named: str) -> BrokenUpload:
    return BrokenUpload(f"The bytes are not the {named} that Content-Transfer-Encoding says they are.")
