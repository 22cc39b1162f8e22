"""What separates a file's cells, as far as its beginning tells."""

from app.domain.errors import BadFile
from app.domain.file_mistakes import Mistake
from app.domain.imports import Format
from app.files.records import Records, RecordScanner

SEPARATORS = (*(one.delimiter for one in Format), "|", "^", "~", "\x01")
LOOKED_AT_BYTES = 1 << 16
LOOKED_AT_ROWS = 50
WORDS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def separator_of(text: bytes) -> str | None:
    """The one that makes the most even table of a text in UTF-8; None where it has one column only."""
    evenness = {separator: _evenness(text[:LOOKED_AT_BYTES], separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: evenness[separator])
    return best if evenness[best] > (0, 0) else None


def format_of(separator: str) -> Format | None:
    return next((one for one in Format if one.delimiter == separator), None)


def separator_mistake(real: str, declared: str) -> Mistake:
    """That cells are separated by something else than was said."""
    told = f"The cells are separated by {_called(real)}, not by {_called(declared)}"
    known = format_of(real)
    if known is None:
        message = f"{told}, and Marketo takes commas, semicolons and tabs only. Write the file with one of these."
        return Mistake("missing_column", message, field="format", of_parameter=True)
    message, say = f"{told}: say so with `format={known}`.", f"format={known}"
    return Mistake("missing_column", message, field="format", say=say, of_parameter=True)


def first_record(text: bytes, separator: str) -> bytes:
    """The header, or what there is of it."""
    records = _records(text, separator)
    return records[0] if records is not None and len(records) else text.splitlines(keepends=True)[0] if text else b""


def _called(separator: str) -> str:
    return WORDS.get(separator, f"`{separator}`" if separator.isprintable() else repr(separator))


def _evenness(text: bytes, separator: str) -> tuple[float, int]:
    """(which share of the rows has as many cells as the first, how many that is)."""
    records = _records(text, separator)
    if records is None or not len(records):
        return (0.0, text.count(separator.encode()))
    widths = (records.lasts - records.firsts + 1)[:LOOKED_AT_ROWS]
    width = int(widths[0])
    return (round(float((widths == width).mean()), 1), width - 1) if width > 1 else (0.0, 0)


def _records(text: bytes, separator: str) -> Records | None:
    """The whole ones that a text begins with; all of it, where it has no line end."""
    scanner = RecordScanner(separator)
    found = scanner.feed(text)
    if len(found):
        return found
    try:
        return scanner.finish()
    except BadFile:  # a quote that is never closed
        return None
