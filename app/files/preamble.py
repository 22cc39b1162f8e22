"""Removes what may stand before a header: a byte order mark, and the line `sep=;` that tells Excel the separator."""

import codecs
import re

BOM = codecs.BOM_UTF8
SEPARATOR = re.compile(rb'"?sep=(?P<separator>[^\r\n"])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
LONGEST_BYTES = len(BOM) + len(b'"sep=;"\r\n')


class Beginning:
    """Removes it from a text in UTF-8 that comes in chunks."""

    def __init__(self) -> None:
        self._held = b""
        self._is_over = False

    def without(self, text: bytes, *, ends: bool) -> bytes:
        """The text after it; empty until enough has come to decide. `ends`: nothing more comes."""
        if self._is_over:
            return text
        self._held += text
        if len(self._held) < LONGEST_BYTES and not ends:
            return b""
        self._is_over = True
        text, _ = without_beginning(self._held)
        return text


def without_beginning(text: bytes) -> tuple[bytes, str | None]:
    """(the text after byte order mark and separator line, the separator that the line names)."""
    text = text.removeprefix(BOM)
    line = SEPARATOR.match(text[:LONGEST_BYTES])
    return (text[line.end() :], line["separator"].decode("latin-1")) if line else (text, None)
