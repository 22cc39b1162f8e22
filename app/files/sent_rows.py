"""The rows of a Marketo job, indexed by their cells in the columns that a result file has too."""

import csv
import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import itemgetter

import numpy as np

from app.files.broken_rows import BrokenRows
from app.files.cell_comparison import exact_form, exact_form_of, loose_form
from app.files.key_index import KeyIndex
from app.files.records import Flags, Offsets, offsets_of

NOWHERE = -1

Select = Callable[[list[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sent:
    """The text of a Marketo job: one file, or several with the same header. All rows are numbered together, from 0."""

    texts: Sequence[bytes]  # UTF-8, each with its header
    delimiter: str
    columns: Sequence[str]
    key_columns: Sequence[str]  # by which Marketo finds its records; empty: not known

    def rows(self) -> Iterator[list[str]]:
        """The cells of each row, unquoted; as many as the row has."""
        for text in self.texts:
            rows = (row for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=self.delimiter) if row)
            next(rows)  # the header
            yield from rows

    def places_of(self, names: Sequence[str]) -> list[int | None]:
        """The position of each of these columns, whatever the case of its name; None where there is none."""
        at = {name.lower(): index for index, name in enumerate(self.columns)}
        return [at.get(name.strip().lower()) for name in names]


class SentRows:
    """The rows with their cells in the shared columns only: those that the result file has, in its order.

    `in_pieces`: whether a row may come back in pieces, which is so only if the result file has no unknown columns.
    """

    def __init__(self, sent: Sent, columns: Sequence[int], *, in_pieces: bool) -> None:
        self.sent = sent
        self.in_pieces = in_pieces
        self.columns = columns
        self._cells = selecting(columns)
        self._ids: dict[str, int] = {}
        self._loose: dict[int, list[str]] = {}
        self._first_of_group: list[int] = []
        self.most_lines = 1  # that a row takes in the shared columns
        keys = sent.places_of(sent.key_columns)
        self.keys = [columns.index(key) for key in keys if key in columns]
        self.has_whole_key = bool(keys) and len(self.keys) == len(keys)
        lacking = [key for key in keys if key is not None and key not in columns]
        self.lacks_keys, self._lacking = bool(lacking), lacking
        groups, breakable, keyless = self._read()
        self.groups: Offsets = np.array(groups, np.int64)
        self.breakable: Offsets = np.array(breakable, np.int64)
        """Rows with a line end or a delimiter in a cell: without quotes they come in pieces."""
        self.keyless: Flags = np.array(keyless, bool)
        """Rows that are empty in the key's columns that the result file lacks."""

    def _read(self) -> tuple[list[int], list[int], list[bool]]:
        """(the group of each row, the rows that may come in pieces, which rows lack their key). Written to be fast."""
        groups, breakable, keyless = [], [], []
        cells, lacking, delimiter = self._cells, self._lacking, self.sent.delimiter
        ids, first_of_group = self._ids, self._first_of_group
        for index, row in enumerate(self.sent.rows()):
            values = cells(row)
            text = "\0".join(values)
            group = ids.setdefault(exact_form_of(text), len(first_of_group))
            groups.append(group)
            if group == len(first_of_group):
                first_of_group.append(index)
            if "\n" in text or "\r" in text:
                breakable.append(index)
                self.most_lines = max(self.most_lines, lines_in(text))
            elif delimiter in text:
                breakable.append(index)
            if lacking:
                keyless.append(not any(row[key].strip() for key in lacking if key < len(row)))
        return groups, breakable, keyless

    def __len__(self) -> int:
        return len(self.groups)

    def group(self, values: Sequence[str]) -> int:
        """The group of the rows with exactly these values; NOWHERE if there is none."""
        return self._ids.get(exact_form(values), NOWHERE)

    def lines_of(self, group: int) -> int:
        """How many lines the rows of a group take in the shared columns."""
        return lines_in("\0".join(self.of_group(group)))

    def has_key(self, row: int) -> bool:
        """Whether the row has a complete key in the shared columns."""
        values = self.values(row)
        return self.has_whole_key and all(values[key].strip() for key in self.keys)

    def of_group(self, group: int) -> Sequence[str]:
        """The values of a group's rows, as the first row has them."""
        return self.values(self._first_of_group[group])

    def record(self, row: int) -> bytes:
        """A row's bytes as they were sent."""
        file = bisect_right(self._first_rows, row) - 1
        starts, ends = self._offsets[file]
        at = row - self._first_rows[file] + 1  # behind the header
        return self.sent.texts[file][starts[at] : ends[at]]

    def whole(self, row: int) -> list[str]:
        """A row's cells, one for each column of the file that was sent."""
        text, width = self.record(row).decode(), len(self.sent.columns)
        if '"' in text:
            cells = next(csv.reader([text], delimiter=self.sent.delimiter))
        else:
            cells = text.rstrip("\r\n").split(self.sent.delimiter)
        return cells if len(cells) == width else [*cells, *[""] * width][:width]

    def values(self, row: int) -> Sequence[str]:
        """A row's cells in the shared columns."""
        return self._cells(self.whole(row))

    def loose(self, row: int) -> list[str]:
        """A row's values in their loose form."""
        if row not in self._loose:
            self._loose[row] = [loose_form(cell) for cell in self.values(row)]
        return self._loose[row]

    def all_loose(self) -> Iterator[list[str]]:
        """The loose forms of all rows. Heavy."""
        forms: dict[str, str] = {}  # cells often repeat
        for row in self.sent.rows():
            values = self._cells(row)
            yield [forms[cell] if cell in forms else forms.setdefault(cell, loose_form(cell)) for cell in values]

    @cached_property
    def by_key(self) -> KeyIndex:
        return KeyIndex([self._cells(row)[key] for key in self.keys] for row in self.sent.rows())

    @cached_property
    def broken(self) -> BrokenRows:
        broken = BrokenRows(self.sent.delimiter, self.keys, len(self.columns))
        breakable = set(self.breakable.tolist()) if self.in_pieces else set()
        for index, row in enumerate(self.sent.rows()):
            if index in breakable:
                broken.add(index, self._cells(row))
        return broken

    @cached_property
    def _offsets(self) -> list[tuple[Offsets, Offsets]]:
        return [offsets_of(text, self.sent.delimiter) for text in self.sent.texts]

    @cached_property
    def _first_rows(self) -> list[int]:
        return list(accumulate((len(starts) - 1 for starts, _ in self._offsets), initial=0))[:-1]


def lines_in(text: str) -> int:
    return 1 + text.count("\n") + text.count("\r") - text.count("\r\n")


def selecting(columns: Sequence[int]) -> Select:
    """A function that gives a row's cells in these columns; cells that the row lacks are empty."""
    width = max(columns) + 1
    whole = list(columns) == list(range(width))
    picked: Callable[[list[str]], tuple[str, ...]] = itemgetter(*columns)

    def select(row: list[str]) -> Sequence[str]:
        if len(row) < width:
            row = row + [""] * (width - len(row))
        if whole:
            return row if len(row) == width else row[:width]
        return picked(row) if len(columns) > 1 else [row[columns[0]]]

    return select
