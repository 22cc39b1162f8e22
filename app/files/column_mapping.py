"""Applies a column map while a file streams: the header is written anew, and columns that are left out are cut out.

All other bytes stay as they are (NO_LOST_ROWS). A row of which nothing is left becomes an empty quoted cell, for a
blank line would be no row. By array operations: the time goes with the bytes, whatever the number of rows.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from app.domain.column_maps import ColumnMap, mapped, mapping_mistakes
from app.domain.file_mistakes import refusal
from app.files.cutting import blocks_of_rows
from app.files.header import check_width, columns_in
from app.files.records import (
    CR,
    NO_RECORDS,
    QUOTE,
    Flags,
    Offsets,
    Records,
    RecordScanner,
    buffer_of,
    line,
    line_end_of,
)


class ColumnMapping:
    """Takes text and gives text. Where no column is left out, all behind the header passes unchanged."""

    def __init__(
        self,
        column_map: ColumnMap,
        delimiter: str,
        *,
        limit_bytes: int,
        key_columns: Sequence[str],
        corrected: bool = False,
    ) -> None:
        """`corrected`: a failures file of ours that was mended lacks the columns that are left out."""
        self._map = column_map
        self._delimiter = delimiter
        self._keys = key_columns
        self._is_corrected = corrected
        self._scanner = RecordScanner(delimiter, limit_bytes=limit_bytes)
        self._runs: list[tuple[int, int]] = []  # of columns that are left out, each the first and the last
        self._passes = False
        self._has_header = False
        self._names: Sequence[str] = ()  # in the file

    def feed(self, text: bytes) -> Iterator[bytes]:
        """Errors: BadFile, as RecordScanner; and with all mistakes of the header."""
        for block in blocks_of_rows(text):
            yield block if self._passes else self._mapped(self._scanner.feed(block))

    def finish(self) -> Iterator[bytes]:
        """Errors: BadFile, as `feed`."""
        if not self._passes:
            yield self._mapped(self._scanner.finish())

    @property
    def memory_bytes(self) -> int:
        return self._scanner.memory_bytes

    @property
    def place(self) -> tuple[int, int, str | None] | None:
        """As Cutter's; None where all passes unchanged: then the cutter knows."""
        row, column = self._scanner.place
        return None if self._passes else (row, column, self.name_of(column))

    def name_of(self, column: int) -> str | None:
        """The name of a column in the file; the first column is 1."""
        return self._names[column - 1] if 0 < column <= len(self._names) else None

    def _mapped(self, records: Records) -> bytes:
        if self._has_header:
            return self._cut(records)
        check_width(records, self._scanner.place)
        if not len(records):
            return b""
        header = self._take_header(records[0])
        rest = records.behind(1) if len(records) > 1 else NO_RECORDS
        if self._passes:
            return (
                header + (records.text[rest.starts[0] : rest.ends[-1]] if len(rest) else b"") + self._scanner.released()
            )
        return header + self._cut(rest)

    def _take_header(self, record: bytes) -> bytes:
        """The header as it goes to Marketo. Errors: BadFile, with a detail for each mistake."""
        self._names = columns_in(record, self._delimiter)
        if mistakes := mapping_mistakes(self._names, self._map, self._keys, corrected=self._is_corrected):
            raise refusal(mistakes)
        names = mapped(self._names, self._map)
        self._runs = _runs_of([place for place, name in enumerate(names) if name is None])
        self._has_header, self._passes = True, not self._runs
        end = line_end_of(record) or b"\n"
        return line([name for name in names if name is not None], self._delimiter, end.decode())

    def _cut(self, records: Records) -> bytes:
        """The records without the cells of the columns that are left out."""
        if not len(records):
            return b""
        kept, empty = self._kept_bytes(records)
        cut = buffer_of(records.text)[kept]
        if empty.any():
            before = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))  # how many bytes are kept before each
            cut = np.insert(cut, np.repeat(before[records.starts[empty]], 2), QUOTE)
        return cut.tobytes()

    def _kept_bytes(self, records: Records) -> tuple[Flags, Flags]:
        """(which bytes of the text are kept, of which records nothing is).

        Kept are those of records, but for the cells that go, each with one delimiter.
        """
        steps = np.zeros(len(records.text) + 1, np.int8)  # runs of cells never overlap
        ends_of_cells = _ends_of_cells(records)
        left_bytes = ends_of_cells - records.starts
        for first, last in self._runs:
            starts, _, there = records.cells(first)
            at = np.minimum(records.firsts + last, records.lasts)
            is_end = at == records.lasts
            ends = np.where(is_end, ends_of_cells, records.stops[at])
            if first == 0:
                ends = np.where(is_end, ends, ends + 1)
            else:
                starts = starts - 1
            steps[starts[there]] += 1
            steps[ends[there]] -= 1
            left_bytes = left_bytes - np.where(there, ends - starts, 0)
        kept: Flags = np.cumsum(steps[:-1], dtype=np.int8) == 0
        kept[: records.starts[0]] = False
        kept[records.ends[-1] :] = False
        return kept, left_bytes == 0


def _ends_of_cells(records: Records) -> Offsets:
    """Where each record's last cell ends: before its line end."""
    stops = records.stops[records.lasts]
    is_crlf = (stops > records.starts) & (buffer_of(records.text)[stops - 1] == CR)
    return np.where(is_crlf, stops - 1, stops)


def _runs_of(places: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of each run of places that follow each other."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs
