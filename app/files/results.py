"""Marketo's failures and warnings, brought back to the rows of the uploaded file.

The files carry no row numbers, may lack the lookup column, and come in Marketo's own quoting and order. A row is
placed by the values of the columns that both sides have, or not at all: never by a guess.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadFile
from app.domain.imports import Format
from app.files.numbering import UNKNOWN
from app.files.records import Flags, Offsets, cells, line, offsets_of, rows_of

KEY_IS_BLANK = ("Value for lookup field", "missing.dedupe.fields")  # how Marketo's reasons begin. Seen 2016 to 2022
NOWHERE = -1
UNREADABLE = (csv.Error, UnicodeDecodeError, BadFile)

Values = NDArray[np.uint64]
"""A row's values in the columns that both sides have, brought to 64 bits."""


class GarbledResult(ValueError):
    """This is not a result file."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    source_row: int | None  # 1 = first after the header of the uploaded file; None if nobody can know
    reason: str
    values: tuple[str | None, ...]  # in the order of the import's columns
    part_row: int | None = None  # 0 = first of its part


@dataclass(frozen=True, slots=True)
class PartRows:
    """The rows that a result file is about: a part's file as it was sent, and its rows' numbers in the upload."""

    text: bytes
    format: Format
    columns: Sequence[str]
    key_columns: Sequence[str]
    numbers: Offsets


@dataclass(frozen=True, slots=True)
class Placed:
    """A result file's rows, each with the row of the part that it is about."""

    sheet: "_Sheet"
    part: PartRows
    places: Offsets

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[ResultRow]:
        """In the result file's order."""
        width, delimiter = len(self.part.columns), self.part.format.delimiter
        starts, ends = offsets_of(self.part.text, delimiter)
        for place, (values, reason) in zip(self.places.tolist(), self.sheet.rows(), strict=True):
            if place == NOWHERE:
                yield ResultRow(None, reason, self.sheet.as_given(values, width))
            else:
                source = cells(self.part.text[starts[place + 1] : ends[place + 1]], delimiter)  # behind the header
                number = int(self.part.numbers[place])
                values = [*source, *[""] * width][:width]
                yield ResultRow(None if number == UNKNOWN else number, reason, tuple(values), place)


def placed(result: bytes, part: PartRows) -> Placed:
    """Place the rows of a result file. Errors: GarbledResult."""
    sheet = _Sheet(result, part)
    try:
        return Placed(sheet, part, _places(sheet, part))
    except UNREADABLE as reason:
        raise GarbledResult(str(reason)) from None


def written(
    rows: Iterable[ResultRow],
    *,
    columns: Sequence[str],
    format: Format,  # noqa: A002
    reason_header: str,
    header: bool,
    source_rows: bool = True,
) -> Iterator[bytes]:
    """Our own file: the source's columns, the reason, the source row. Without the last it has Marketo's form."""
    if header:
        yield line([*columns, reason_header, *(["Source Row"] if source_rows else [])], format.delimiter)
    for row in rows:
        place = [] if not source_rows else [""] if row.source_row is None else [str(row.source_row)]
        yield line([*(value or "" for value in row.values), row.reason, *place], format.delimiter)


class _Sheet:
    """A result file: its rows, and where the columns that it shares with the part stand on both sides."""

    def __init__(self, result: bytes, part: PartRows) -> None:
        self._text = result.removeprefix("\ufeff".encode()).replace(b"\0", "\ufffd".encode())  # PostgreSQL keeps no NUL
        if self._text.lstrip().startswith(b"<"):
            raise GarbledResult("it is HTML")
        self._delimiter = part.format.delimiter
        try:
            header = next(rows_of(self._text, self._delimiter), [])
        except UNREADABLE as reason:
            raise GarbledResult(str(reason)) from None
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
        """(values, reason): the last cell is the reason, whatever is missing before it."""
        following = rows_of(self._text, self._delimiter)
        width = len(next(following)) - 1
        for row in following:
            reason = self._delimiter.join(row[width:]) if len(row) > width + 1 else row[-1]  # unquoted, perhaps
            yield row[: min(width, len(row) - 1)], reason

    def as_given(self, values: list[str], width: int) -> tuple[str | None, ...]:
        found: list[str | None] = [None] * width
        for here, there in self.shared:
            found[there] = _cell(values, here)
        return tuple(found)


def _places(sheet: _Sheet, part: PartRows) -> Offsets:
    """For each row of the result the row of the part that it is about, counted from 0; or NOWHERE."""
    here, there = zip(*sheet.shared, strict=True)
    reasons: dict[str, int] = {}
    wanted, why = [], []
    for values, reason in sheet.rows():
        wanted.append(_values(values, here))
        why.append(reasons.setdefault(reason, len(reasons)))
    given, because = np.array(wanted, np.uint64), np.array(why, np.int64)
    known, keyless = _of_part(part, there, sheet.lacking_keys)
    places = np.full(len(given), NOWHERE)
    _place(places, given, because, known, np.arange(len(known)))
    key_is_blank = np.array([reason.startswith(KEY_IS_BLANK) for reason in reasons], bool)
    doubtful = np.flatnonzero((places == NOWHERE) & key_is_blank[because])
    if sheet.lacking_keys and len(
        doubtful
    ):  # a row whose key Marketo missed, in a file without that column: it has none
        found = places[doubtful]
        _place(found, given[doubtful], because[doubtful], known[keyless], np.flatnonzero(keyless))
        places[doubtful] = found
    return places


def _place(places: Offsets, given: Values, because: Offsets, known: Values, rows: Offsets) -> None:
    """Fill in the places of those that are sure.

    Rows that look alike are told apart by nothing: all of them, and for one reason, or we cannot know which.
    """
    if not len(given):
        return
    order, there = np.argsort(given, kind="stable"), np.argsort(known, kind="stable")
    alike, first, count = np.unique(given[order], return_index=True, return_counts=True)
    least, most = (np.searchsorted(known[there], alike, side=side) for side in ("left", "right"))
    for_one_reason = np.minimum.reduceat(because[order], first) == np.maximum.reduceat(because[order], first)
    sure = np.repeat((most - least == count) & for_one_reason, count)
    nth = np.arange(len(given)) - np.repeat(first, count)
    places[order[sure]] = rows[there[(np.repeat(least, count) + nth)[sure]]]


def _of_part(part: PartRows, columns: Sequence[int], lacking_keys: Sequence[int]) -> tuple[Values, Flags]:
    """(the values of each row of the part, which of them have a blank key in the columns that the result lacks)."""
    values = np.zeros(len(part.numbers), np.uint64)
    keyless = np.zeros(len(part.numbers), bool)
    following = rows_of(part.text, part.format.delimiter)
    next(following)
    for index, row in enumerate(following):
        values[index] = _values(row, columns)
        keyless[index] = not any(_cell(row, column).strip() for column in lacking_keys)
    return values, keyless


def _values(row: Sequence[str], columns: Sequence[int]) -> int:
    """The values of these columns, blanks around them and kinds of line end disregarded."""
    text = "\0".join([_cell(row, column).strip() for column in columns])
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _cell(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""
