"""Guesses a file's separator from its beginning."""

from app.domain.errors import BadFile
from app.domain.file_mistakes import Mistake
from app.domain.formats import Format
from app.files.records import Records, RecordScanner

SEPARATORS = (*(format_.delimiter for format_ in Format), "|", "^", "~", "\x01")
LOOKED_AT_BYTES = 1 << 16
LOOKED_AT_ROWS = 50
WORDS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def separator_of(text: bytes) -> str | None:
    """The separator with which a text in UTF-8 is the most even table; None where it has one column only."""
    evenness = {separator: _evenness(text[:LOOKED_AT_BYTES], separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: evenness[separator])
    return best if evenness[best] > (0, 0) else None


def format_of(separator: str) -> Format | None:
    """The format with this separator; None where Marketo takes no such format."""
    return next((format_ for format_ in Format if format_.delimiter == separator), None)


def separator_mistake(real: str, declared: str) -> Mistake:
    """The mistake that the file has another separator than the one of its declared format."""
    what = f"The cells are separated by {_called(real)}, not by {_called(declared)}"
    real_format = format_of(real)
    if real_format is None:
        message = f"{what}, and Marketo takes commas, semicolons and tabs only. Write the file with one of these."
        return Mistake("missing_column", message, field="format", of_parameter=True)
    message, say = f"{what}: say so with `format={real_format}`.", f"format={real_format}"
    return Mistake("missing_column", message, field="format", say=say, of_parameter=True)


def first_record(text: bytes, separator: str) -> bytes:
    """The header, or its beginning where the text ends within it."""
    records = _records(text, separator)
    return records[0] if records is not None and len(records) else text.splitlines(keepends=True)[0] if text else b""


def _called(separator: str) -> str:
    return WORDS.get(separator, f"`{separator}`" if separator.isprintable() else repr(separator))


def _evenness(text: bytes, separator: str) -> tuple[float, int]:
    """(the share of rows that have as many cells as the first one, the separators in the first one)."""
    records = _records(text, separator)
    if records is None or not len(records):
        return (0.0, text.count(separator.encode()))
    widths = (records.lasts - records.firsts + 1)[:LOOKED_AT_ROWS]
    width = int(widths[0])
    return (round(float((widths == width).mean()), 1), width - 1) if width > 1 else (0.0, 0)


def _records(text: bytes, separator: str) -> Records | None:
    """The complete records at the beginning of a text; the whole text where it has no line end."""
    scanner = RecordScanner(separator)
    records = scanner.feed(text)
    if len(records):
        return records
    try:
        return scanner.finish()
    except BadFile:  # a quote that is never closed
        return None
