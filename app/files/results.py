"""Marketo's failures and warnings, brought back to the rows of the uploaded file.

The files carry no row numbers, may lack the lookup column, and come in Marketo's own quoting and order. A row is
placed by the values of the columns that both sides have, or not at all: never by a guess.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.domain.imports import Format
from app.files.records import Offsets, cells, line, offsets_of

KEY_IS_BLANK = ("Value for lookup field", "missing.dedupe.fields")  # how Marketo's reasons begin. Seen 2016 to 2022


class GarbledResult(ValueError):
    """This is not a result file."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    source_row: int | None  # 1 = first after the header of the uploaded file; None if nobody can know
    reason: str
    values: tuple[str | None, ...]  # in the order of the import's columns


@dataclass(frozen=True, slots=True)
class PartRows:
    """The rows that a result file is about: a part's file as it was sent, and its rows' numbers in the upload."""

    text: bytes
    format: Format
    columns: Sequence[str]
    key_columns: Sequence[str]
    numbers: Offsets


def placed(result: bytes, part: PartRows) -> Iterator[ResultRow]:
    """The rows of a result file, in its order, each with the row of the part that it is about.

    Errors: GarbledResult, with the first row asked for.
    """
    sheet = _Sheet(result, part)
    place_of = _places(sheet, part)
    starts, ends = offsets_of(part.text, part.format.delimiter)
    starts, ends = starts[1:], ends[1:]  # the first is the header
    for number, (values, reason) in enumerate(sheet.rows()):
        index = place_of.get(number)
        if index is None:
            yield ResultRow(None, reason, _as_given(sheet, values, len(part.columns)))
        else:
            source = cells(part.text[starts[index] : ends[index]], part.format.delimiter)
            yield ResultRow(int(part.numbers[index]) or None, reason, _padded(source, len(part.columns)))


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


class _Sheet:
    """A result file: its rows, and where the columns that it shares with the part stand on both sides."""

    def __init__(self, result: bytes, part: PartRows) -> None:
        text = result.removeprefix("\ufeff".encode())
        if text.lstrip().startswith(b"<"):
            raise GarbledResult("it is HTML")
        try:
            self._text = text.decode().replace("\0", "\ufffd")  # PostgreSQL keeps no NUL
        except UnicodeDecodeError as reason:
            raise GarbledResult(str(reason)) from None
        self._delimiter = part.format.delimiter
        header = next(self._read(), [])
        if len(header) < 2:
            raise GarbledResult("it has no header")
        at = {name.lower(): index for index, name in enumerate(part.columns)}
        here = [name.strip().lower() for name in header[:-1]]
        self.shared = [(index, at[name]) for index, name in enumerate(here) if name in at]
        if not self.shared:
            raise GarbledResult("none of its columns is one of the file's")
        lacking = {name.lower() for name in part.key_columns} - set(here)
        self.lacking_keys = [at[name] for name in lacking if name in at]

    def rows(self) -> Iterator[tuple[list[str], str]]:
        """(values, reason): the last cell is the reason, whatever is missing before it. Errors: GarbledResult."""
        following = self._read()
        next(following)
        for row in following:
            yield row[:-1], row[-1]

    def _read(self) -> Iterator[list[str]]:
        try:
            yield from (
                row for row in csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter) if row
            )
        except csv.Error as reason:
            raise GarbledResult(str(reason)) from None


def _places(sheet: _Sheet, part: PartRows) -> dict[int, int]:
    """Which row of the result is which row of the part, both counted from 0."""
    here, there = zip(*sheet.shared, strict=True)
    wanted: dict[bytes, list[int]] = defaultdict(list)
    reasons: dict[bytes, set[str]] = defaultdict(set)
    for number, (values, reason) in enumerate(sheet.rows()):
        key = _key(values, here)
        wanted[key].append(number)
        reasons[key].add(reason)
    alike, blank = _candidates(wanted.keys(), there, sheet.lacking_keys, part)
    found: dict[int, int] = {}
    for key, numbers in wanted.items():
        # Rows that look alike are told apart by nothing: all of them, for one reason, or we cannot know which.
        if len(reasons[key]) == 1:
            candidates = alike[key]
            if len(candidates) != len(numbers) and next(iter(reasons[key])).startswith(KEY_IS_BLANK):
                candidates = blank[key]
            if len(candidates) == len(numbers):
                found.update(zip(numbers, candidates, strict=True))
    return found


def _candidates(
    keys: Iterable[bytes], columns: Sequence[int], lacking_keys: Sequence[int], part: PartRows
) -> tuple[dict[bytes, list[int]], dict[bytes, list[int]]]:
    """For each key the part's rows that have it, in their order; and those of them whose key column is blank.

    The second is worth knowing where the result lacks that column: a row whose key Marketo missed had none.
    """
    alike: dict[bytes, list[int]] = {key: [] for key in keys}
    blank: dict[bytes, list[int]] = {key: [] for key in keys}
    rows = csv.reader(io.StringIO(part.text.decode(), newline=""), delimiter=part.format.delimiter)
    for index, values in enumerate((row for row in rows if row), -1):
        if index >= 0 and (key := _key(values, columns)) in alike:
            alike[key].append(index)
            if lacking_keys and not any(_cell(values, column).strip() for column in lacking_keys):
                blank[key].append(index)
    return alike, blank


def _key(values: Sequence[str], columns: Sequence[int]) -> bytes:
    """The values of these columns, blanks around them and kinds of line end disregarded, in 16 bytes."""
    text = "\0".join([_cell(values, column).strip() for column in columns])
    return hashlib.blake2b(text.replace("\r\n", "\n").replace("\r", "\n").encode(), digest_size=16).digest()


def _cell(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _padded(values: list[str], width: int) -> tuple[str, ...]:
    return tuple([*values, *[""] * width][:width])


def _as_given(sheet: _Sheet, values: list[str], width: int) -> tuple[str | None, ...]:
    found: list[str | None] = [None] * width
    for here, there in sheet.shared:
        found[there] = _cell(values, here)
    return tuple(found)
