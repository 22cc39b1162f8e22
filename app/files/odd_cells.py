"""Finds cells that are written in an odd way: Marketo takes them, but perhaps not as they were meant.

Each cell is read once from end to end, so the cost grows with the length of the text only.
"""

import re
from collections.abc import Iterator, Sequence

from app.files import codec_registry
from app.files.charsets import is_same

CONTROLS = re.compile(rb"\xc2[\x80-\x9f]")
"""The C1 control characters in UTF-8: no text has them; cp1252 has quotes, dashes and the euro sign in their place."""
READ_BYTES = 1 << 12  # of a row that are checked for a wrong charset


class Oddities:
    """Checks how rows are written. `separator` and `charset` are those of the file."""

    def __init__(self, separator: str, charset: str) -> None:
        self._separator = separator.encode()
        self._blanks = (b' "',) if separator == "\t" else (b' "', b'\t"')
        self._charset = charset
        self._codec = None if is_same(charset, "utf-8") else codec_registry.find(charset)

    def may_be_quoted_oddly(self, record: bytes, *, well_formed: bool) -> bool:
        """Whether the record's cells have to be checked. `well_formed`: a strict reader accepts the record."""
        if b'"' not in record:
            return False
        return not well_formed or any(blank in record for blank in self._blanks) or _has_line_end_inside(record)

    def quoting(self, cells: Sequence[bytes]) -> Iterator[tuple[int, str]]:
        """(the cell's position, what is odd about its quotes) for each odd one of a record's raw cells."""
        for place, cell in enumerate(cells):
            if b'"' in cell and (what := _odd_quoting(cell, self._separator)):
                yield place, what

    def misread(self, record: bytes, cells: Sequence[str]) -> Iterator[tuple[int, str]]:
        """(the cell's position, what shows that the file's charset is not the one that it was read in)."""
        if CONTROLS.search(record):
            for place, cell in enumerate(cells):
                if control := CONTROLS.search(cell.encode()):
                    what = f"holds the control character U+{ord(control.group().decode()):04X}"
                    yield place, what if self._codec is None else f"{what}: is the file really {self._charset}?"
        elif self._is_utf8(record[:READ_BYTES]):
            for place, cell in enumerate(cells):
                if not cell.isascii():
                    what = f"looks like UTF-8 that was read as {self._charset}: is the file really {self._charset}?"
                    yield place, what

    def _is_utf8(self, record: bytes) -> bool:
        """Whether the bytes that were read in the declared charset are UTF-8."""
        if self._codec is None:
            return False
        try:
            return not self._codec.encode(record.decode(errors="ignore"))[0].decode().isascii()
        except UnicodeError:
            return False


def _has_line_end_inside(record: bytes) -> bool:
    inside = record.rstrip(b"\r\n")
    return b"\n" in inside or b"\r" in inside


def _odd_quoting(cell: bytes, separator: bytes) -> str | None:
    if not cell.startswith(b'"'):
        blank = cell.lstrip(b" \t").startswith(b'"')
        return "has a blank before its opening quote, so that the quotes are letters of it" if blank else None
    inside = cell[1:-1].replace(b'""', b"")
    if b'"' in inside or not cell.endswith(b'"'):
        if b'\\"' in cell:
            return 'goes on behind its closing quote: a quote inside of quotes is written twice (""), not as \\"'
        return "goes on behind its closing quote: was another quote to be doubled, or an earlier one to be closed?"
    return _runs_on(inside, separator)


def _runs_on(inside: bytes, separator: bytes) -> str | None:
    """A cell of several lines is not odd; but if the later ones look like rows, a quote may not be closed."""
    _, end, rest = inside.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n")
    if not end or separator not in rest:
        return None
    lines = rest.count(b"\n") + 2
    return f"goes on over {lines} lines that look like rows: was the quote that opens it to be closed earlier?"
