"""Pre-flight: a file held against Marketo's describe while it is cut, before a slot is spent on it."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description, Field
from app.domain.errors import Detail
from app.domain.header_mistakes import NOTHING
from app.domain.imports import Format
from app.domain.objects import Target
from app.domain.preflight import complaint, header_mistakes
from app.files.odd_cells import Oddities
from app.files.records import Offsets, Records, cells, strict_cells
from app.files.result_files import ResultRow
from app.files.row_numbers import UNKNOWN

KEPT_ROWS = 10_000  # of rows with a complaint: a file in which more are wrong is wrong as a whole
KEPT_BYTES = 10_000_000
KEPT_REMARKS = 100  # each with its column, for whoever only has a file checked
MARK = "Pre-flight: "  # before our own reasons, so that nobody takes them for Marketo's


Told = tuple[int | None, str]
"""(which column, from 0; None: the row as a whole, what is odd)."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd about a row; it is sent all the same."""

    row: int | None  # 1 = the first after the header of the uploaded file; None: nobody knows
    column: str | None  # None: it is about the row as a whole
    message: str


@dataclass(slots=True)
class Inspection:
    """Looks at the header and, where it is asked to, at every cell."""

    target: Target
    format: Format
    described: (
        Description | None
    )  # None: nobody knows Marketo's fields, and only how the cells are written is looked at
    every_cell: bool
    charset: str = "utf-8"  # that the file was read in
    mistakes: list[Detail] = field(default_factory=list)  # in the header
    warned_rows: int = 0
    kept: list[ResultRow] = field(default_factory=list)  # the first of these rows, each with its complaints
    remarks: list[Remark] = field(default_factory=list)  # the first of them
    remarks_total: int = 0
    _kept_bytes: int = 0
    _columns: Sequence[str] = ()
    _fields: list[Field | None] = field(default_factory=list)
    _keys: list[int] = field(default_factory=list)
    _oddities: Oddities = field(init=False)

    def __post_init__(self) -> None:
        self._oddities = Oddities(self.format.delimiter, self.charset)

    @property
    def memory_bytes(self) -> int:
        """Of the rows that are kept, each cell a text of its own."""
        return 3 * min(self._kept_bytes, KEPT_BYTES)

    def header(self, columns: Sequence[str]) -> None:
        self._columns = columns
        described = self.described or NOTHING
        self.mistakes = header_mistakes(columns, described, self.target) if self.described else []
        known = {one.name.lower(): one for one in described.fields}
        keys = {name.lower() for name in self.target.key_columns}
        self._fields = [known.get(column.lower()) for column in columns]
        self._keys = [index for index, column in enumerate(columns) if column.lower() in keys]

    def rows(self, records: Records, numbers: Offsets) -> None:
        """Note what Marketo would reject or remark upon. Slow, which is why it has to be asked for."""
        if not self.every_cell:
            return
        for index, number in enumerate(numbers.tolist()):
            record = records[index]
            row, well_formed = self._cells(records.begun(index, len(self._fields) + 1))
            found = self._of_row(row, records.width(index))
            if self._oddities.may_be_quoted_oddly(record, well_formed=well_formed):
                found += self._named(self._oddities.quoting(records.raw_cells(index, len(self._fields) + 1)))
            found += self._of_cells(row)
            if not record.isascii():
                found += self._named(self._oddities.misread(record, row))
            if found:
                self._keep(number if number != UNKNOWN else None, row, found, len(record))

    def _cells(self, record: bytes) -> tuple[list[str], bool]:
        """(a record's cells, whether it is quoted as it should be)."""
        try:
            return strict_cells(record, self.format.delimiter), True
        except csv.Error:
            return cells(record, self.format.delimiter), False

    def _keep(self, number: int | None, row: list[str], found: list[Told], size_bytes: int) -> None:
        remarks = [Remark(number, None if place is None else self._name(place), told) for place, told in found]
        self.warned_rows += 1
        self.remarks_total += len(remarks)
        self.remarks += remarks[: KEPT_REMARKS - len(self.remarks)]
        self._kept_bytes += size_bytes
        if len(self.kept) < KEPT_ROWS and self._kept_bytes <= KEPT_BYTES:
            values = tuple([*row, *[""] * len(self._fields)][: len(self._fields)])
            reason = "; ".join(one.message for one in remarks)
            self.kept.append(ResultRow(number, MARK + reason, values))

    def _name(self, place: int) -> str:
        """Of a column, by its field where it has one."""
        if place >= len(self._columns):
            return f"cell {place + 1}"
        known = self._fields[place]
        return known.name if known else self._columns[place]

    def _of_row(self, row: list[str], width: int) -> list[Told]:
        """`width`: of the whole record, of which the row may be the beginning."""
        found: list[Told] = []
        if width != len(self._columns):
            has = f"{width} cell{'' if width == 1 else 's'}"
            found.append((None, f"the row has {has}, and the header {len(self._columns)}"))
        if self._keys and not any(row[index].strip() for index in self._keys if index < len(row)):
            found.append((None, "the key is empty"))
        return found

    def _of_cells(self, row: list[str]) -> list[Told]:
        return [
            (place, told)
            for place, (known, cell) in enumerate(zip(self._fields, row, strict=False))
            if known and (told := complaint(known, cell.strip()))
        ]

    def _named(self, odd: Iterator[tuple[int, str]]) -> list[Told]:
        return [(place, f"{self._name(place)} {told}") for place, told in odd]
