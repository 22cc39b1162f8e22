"""Cells that are written in an odd way: Marketo takes them, but perhaps not as they were meant.

Each is looked at once, from end to end: what it costs grows with the text, and with nothing else.
"""

import re
from collections.abc import Iterator, Sequence

from app.files import codec_registry
from app.files.charsets import is_same

CONTROLS = re.compile("[\x80-\x9f]")  # C1: no text has these; cp1252 has quotes, dashes and the euro sign there
READ_LETTERS = 1000  # of a cell, to see whether it was read in the wrong charset


def oddities(cells: Sequence[bytes], separator: str) -> Iterator[tuple[int, str]]:
    """(which cell, what is odd about how it is quoted) of a record's raw cells."""
    for place, cell in enumerate(cells):
        if b'"' in cell and (told := _odd_quoting(cell, separator.encode())):
            yield place, told


def misread(cell: str, charset: str) -> str | None:
    """What shows that the file is in another charset than the one that it was read in."""
    if cell.isascii():
        return None
    if found := CONTROLS.search(cell):
        told = f"holds the control character U+{ord(found.group()):04X}"
        return told if is_same(charset, "utf-8") else f"{told}: is the file really {charset}, or is it cp1252?"
    if _is_utf8_read_as(cell[:READ_LETTERS], charset):
        return f"looks like UTF-8 that was read as {charset}: is the file really {charset}?"
    return None


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
    """A cell of several lines is nothing odd; but where the later ones look like rows, a quote may be left open."""
    _, end, rest = inside.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n")
    if not end or separator not in rest:
        return None
    lines = rest.count(b"\n") + 2
    return f"goes on over {lines} lines that look like rows: was the quote that opens it to be closed earlier?"


def _is_utf8_read_as(cell: str, charset: str) -> bool:
    codec = codec_registry.find(charset)
    if codec is None or is_same(charset, "utf-8"):
        return False
    try:
        read = codec.encode(cell)[0].decode()
    except UnicodeError:
        return False
    return not read.isascii()
