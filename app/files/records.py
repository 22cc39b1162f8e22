"""Where a record ends, in any dialect: as Python's csv module sees it, but on bytes that are left as they are."""

import csv
import io
import re
from collections.abc import Iterable

from app.domain.errors import BadFile, Detail

LINE_END = re.compile(rb"\r\n|\n|\r")
csv.field_size_limit(1 << 30)  # a cell may be as large as a part; the module's own default is 128 KiB


class RecordScanner:
    """Splits bytes into records, line ends included. A quote opens at a field's start only; doubled, it is a quote."""

    def __init__(self, delimiter: str, *, limit_bytes: int = 1 << 30) -> None:
        self._edges = re.compile(rb'"|\r\n|\n|\r|' + re.escape(delimiter.encode()))
        self._limit_bytes = limit_bytes
        self._held = b""
        self.records = 0  # handed out so far, blank lines not counted; the header is the first

    def feed(self, chunk: bytes) -> list[bytes]:
        self._held += chunk
        found, self._held = self._split(self._held, final=False)
        if len(self._held) > self._limit_bytes and not found:  # what is found comes first: it may hold an earlier error
            message = f"Row {self.records} alone is larger than the {self._limit_bytes} bytes of a part. Shorten it."
            raise BadFile(message, code="record_too_large", details=(Detail(message, row=self.records),))
        return found

    def finish(self) -> list[bytes]:
        """The last record, which may lack its line end. Errors: BadFile unclosed_quote."""
        found, rest = self._split(self._held, final=True)
        self._held = b""
        if rest:
            message = f"A quote that opens in row {self.records} is never closed. Close it, or double it."
            raise BadFile(message, code="unclosed_quote", details=(Detail(message, row=self.records),))
        return found

    def _split(self, text: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        """(whole records, what is left)."""
        if not final and text.endswith((b"\r", b'"')):  # its meaning depends on the byte that is still to come
            text, tail = text[:-1], text[-1:]
        else:
            tail = b""
        found: list[bytes] = []
        start = position = 0
        field_start = True
        if b'"' not in text:
            for end in LINE_END.finditer(text):
                found.append(text[start : end.end()])
                start = end.end()
            return self._counted(found, text[start:], tail, final=final)
        while edge := self._edges.search(text, position):
            if edge.group() == b'"':
                if edge.start() == position and field_start:
                    closed = self._closing(text, edge.end())
                    if closed is None:
                        return self._counted(found, b"", text[start:] + tail, final=False)
                    position, field_start = closed, False
                    continue
                position, field_start = edge.end(), False
                continue
            position, field_start = edge.end(), True
            if edge.group()[:1] in b"\r\n":
                found.append(text[start:position])
                start = position
        return self._counted(found, text[start:], tail, final=final)

    def _counted(self, found: list[bytes], rest: bytes, tail: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        if final and rest:
            found, rest = [*found, rest], b""
        kept = [record for record in found if record.strip(b"\r\n")]
        self.records += len(kept)
        return kept, rest + tail

    @staticmethod
    def _closing(text: bytes, position: int) -> int | None:
        """Behind the quote that closes a field; None if it is not there yet."""
        while (found := text.find(b'"', position)) >= 0:
            if text[found + 1 : found + 2] != b'"':
                return found + 1
            position = found + 2
        return None


def line(values: Iterable[str], delimiter: str, end: str = "\n") -> bytes:
    """A record that holds these cells: whatever holds a line end of any kind is quoted, whatever ours is."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return (text.getvalue().removesuffix("\r\n") + end).encode()


def cells(record: bytes, delimiter: str) -> list[str]:
    """A record's cells, unquoted."""
    return next(csv.reader(io.StringIO(record.decode(), newline=""), delimiter=delimiter), [])
