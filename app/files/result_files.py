"""Writes failures and warnings as files: in our own form, with row numbers, and in Marketo's form."""

from collections.abc import Iterable, Iterator, Sequence

from app.domain.formats import Format
from app.domain.result_rows import ResultRow
from app.files.cell_comparison import NOT_TEXT
from app.files.records import line

UNREADABLE = "This row of Marketo's file cannot be read"
SHOWN = str.maketrans(dict.fromkeys([0, *NOT_TEXT], "\ufffd"))


def shown(text: str) -> str:
    """A text that can be shown and stored: NULs and bytes that are no UTF-8 become a replacement character."""
    return text.translate(SHOWN) if not text.isascii() or "\0" in text else text


def own_file(
    rows: Iterable[ResultRow],
    *,
    columns: Sequence[str],
    format: Format,  # noqa: A002
    reason_header: str,
    header: bool,
) -> Iterator[bytes]:
    """The uploaded file's columns, the reason, the source row. A text that cannot be read follows the reason."""
    if header:
        yield line([*columns, reason_header, "Source Row"], format.delimiter)
    for row in rows:
        place = "" if row.source_row is None else str(row.source_row)
        reason = row.reason if row.text is None else f"{row.reason}: {shown(row.text)}"
        yield line([*(shown(value or "") for value in row.values_of(columns)), reason, place], format.delimiter)


def marketo_file(
    rows: Iterable[ResultRow],
    *,
    columns: Sequence[str],
    format: Format,  # noqa: A002
    reason_header: str,
    header: bool,
) -> Iterator[bytes]:
    """Marketo's form, without the source row. A text that cannot be read is written as it came, byte for byte."""
    if header:
        yield line([*columns, reason_header], format.delimiter)
    for row in rows:
        if row.text is None:
            yield line([*(value or "" for value in row.values), row.reason], format.delimiter)
        else:
            yield row.text.encode("utf-8", "surrogateescape") + b"\n"
