"""Marketo's failures and warnings, brought back to the rows of the uploaded file.

The files carry no row numbers, may lack the lookup column, and come in Marketo's own quoting and order. A row is
placed by the values of the columns that both sides have, or not at all: never by a guess.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.imports import Format
from app.files.records import RecordScanner, cells, line


class GarbledResult(ValueError):
    """This is not a result file."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    source_row: int | None  # 1 = first after the header of the uploaded file; None if nobody can know
    reason: str
    values: tuple[str | None, ...]  # in the order of the import's columns


def placed(
    result: bytes,
    *,
    part: Iterator[bytes],
    format: Format,  # noqa: A002
    columns: Sequence[str],
    first_row: int,
) -> list[ResultRow]:
    """The rows of a result file with the rows of the part that they are about. Errors: GarbledResult."""
    rows = _rows_of(result, format)
    header = [name.strip().lower() for name in rows[0][:-1]]
    at = {name.lower(): index for index, name in enumerate(columns)}
    shared = [(here, at[name]) for here, name in enumerate(header) if name in at]
    if not shared:
        raise GarbledResult("none of its columns is one of the file's")
    wanted = [(_key([_cell(row[:-1], here) for here, _ in shared]), row[-1]) for row in rows[1:]]
    places = _places({key for key, _ in wanted}, [there for _, there in shared], part, format, first_row)
    reasons: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, reason in wanted:
        reasons[key].append(reason)
    # Rows that look alike are told apart by nothing: all of them failed, and for one reason, or we cannot know which.
    sure = {
        key: iter(places[key])
        for key, given in reasons.items()
        if len(places.get(key, [])) == len(given) and len(set(given)) == 1
    }
    found = []
    for key, reason in wanted:
        if key in sure:
            row_number, values = next(sure[key])
            found.append(ResultRow(row_number, reason, _padded(values, len(columns))))
        else:
            found.append(ResultRow(None, reason, _as_given(key, [there for _, there in shared], len(columns))))
    return found


def written(
    rows: Iterable[ResultRow],
    *,
    columns: Sequence[str],
    format: Format,  # noqa: A002
    reason_header: str,
    header: bool,
) -> Iterator[bytes]:
    """Our own file: the source's columns, the reason, the source row."""
    if header:
        yield line([*columns, reason_header, "Source Row"], format.delimiter)
    for row in rows:
        place = "" if row.source_row is None else str(row.source_row)
        yield line([*(value or "" for value in row.values), row.reason, place], format.delimiter)


def _rows_of(result: bytes, format_: Format) -> list[list[str]]:
    text = result.removeprefix("\ufeff".encode())
    if text.lstrip().startswith(b"<"):
        raise GarbledResult("it is HTML")
    try:
        rows = [row for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=format_.delimiter) if row]
    except (UnicodeDecodeError, csv.Error) as reason:
        raise GarbledResult(str(reason)) from None
    if not rows or len(rows[0]) < 2:
        raise GarbledResult("it has no header")
    return rows


def _places(
    keys: set[tuple[str, ...]], columns: list[int], part: Iterator[bytes], format_: Format, first_row: int
) -> dict[tuple[str, ...], list[tuple[int, list[str]]]]:
    """For each key the part's rows that have it, in their order."""
    found: dict[tuple[str, ...], list[tuple[int, list[str]]]] = defaultdict(list)
    number = first_row - 1  # the header stands before the first row
    for record in _records(part, format_):
        if number >= first_row:
            values = cells(record, format_.delimiter)
            key = _key([_cell(values, column) for column in columns])
            if key in keys:
                found[key].append((number, values))
        number += 1
    return found


def _records(part: Iterator[bytes], format_: Format) -> Iterator[bytes]:
    scanner = RecordScanner(format_.delimiter)
    for chunk in part:
        yield from scanner.feed(chunk)
    yield from scanner.finish()


def _key(values: list[str]) -> tuple[str, ...]:
    return tuple(value.replace("\r\n", "\n").strip() for value in values)


def _cell(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _padded(values: list[str], width: int) -> tuple[str, ...]:
    return tuple([*values, *[""] * width][:width])


def _as_given(key: tuple[str, ...], columns: list[int], width: int) -> tuple[str | None, ...]:
    values: list[str | None] = [None] * width
    for value, column in zip(key, columns, strict=True):
        values[column] = value
    return tuple(values)
