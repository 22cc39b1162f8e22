"""Pre-flight: compares a file with Marketo's describe while it is cut, before it takes a slot."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description, Field
from app.domain.errors import Detail
from app.domain.formats import Format
from app.domain.header_mistakes import NOTHING
from app.domain.objects import Target
from app.domain.preflight import complaint, header_mistakes
from app.domain.result_rows import ResultRow
from app.files.odd_cells import Oddities
from app.files.records import Offsets, Records, cells, strict_cells
from app.files.row_numbers import UNKNOWN

KEPT_ROWS = 10_000  # rows with a remark that are kept: a file with more of them is wrong as a whole
KEPT_BYTES = 10_000_000  # of these rows
KEPT_REMARKS = 100  # that a file check lists
MARK = "Pre-flight: "  # begins our own reasons, so that nobody takes them for Marketo's


Oddity = tuple[int | None, str]
"""(the column, from 0, or None for the row as a whole; what is odd about it)."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd about a row, which is sent all the same."""

    row: int | None  # 1 = the first row after the header of the uploaded file; None: not known
    column: str | None  # None: it is about the row as a whole
    message: str


@dataclass(slots=True)
class Inspection:
    """Checks the header and, if `every_cell`, all cells."""

    target: Target
    format: Format
    described: Description | None  # None: Marketo's fields are not known; only how the cells are written is checked
    every_cell: bool
    charset: str = "utf-8"  # in which the file was read
    mistakes: list[Detail] = field(default_factory=list)  # in the header
    warned_rows: int = 0
    kept: list[ResultRow] = field(default_factory=list)  # the first of these rows, each with its remarks as the reason
    remarks: list[Remark] = field(default_factory=list)  # the first of `remarks_total`
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
        """The bytes that the kept rows take, each cell being a text of its own."""
        return 3 * min(self._kept_bytes, KEPT_BYTES)

    def header(self, columns: Sequence[str]) -> None:
        self._columns = columns
        described = self.described or NOTHING
        self.mistakes = header_mistakes(columns, described, self.target) if self.described else []
        fields = {field.name.lower(): field for field in described.fields}
        keys = {name.lower() for name in self.target.key_columns}
        self._fields = [fields.get(column.lower()) for column in columns]
        self._keys = [index for index, column in enumerate(columns) if column.lower() in keys]

    def rows(self, records: Records, numbers: Offsets) -> None:
        """Note what Marketo would reject or warn of. Slow, so it is done only where it was asked for."""
        if not self.every_cell:
            return
        for index, number in enumerate(numbers.tolist()):
            record = records[index]
            row, well_formed = self._cells(records.begun(index, len(self._fields) + 1))
            oddities = self._of_row(row, records.width(index))
            if self._oddities.may_be_quoted_oddly(record, well_formed=well_formed):
                oddities += self._named(self._oddities.quoting(records.raw_cells(index, len(self._fields) + 1)))
            oddities += self._of_cells(row)
            if not record.isascii():
                oddities += self._named(self._oddities.misread(record, row))
            if oddities:
                self._keep(number if number != UNKNOWN else None, row, oddities, len(record))

    def _cells(self, record: bytes) -> tuple[list[str], bool]:
        """(a record's cells, whether its quoting is correct)."""
        try:
            return strict_cells(record, self.format.delimiter), True
        except csv.Error:
            return cells(record, self.format.delimiter), False

    def _keep(self, number: int | None, row: list[str], oddities: list[Oddity], size_bytes: int) -> None:
        remarks = [Remark(number, None if place is None else self._name(place), what) for place, what in oddities]
        self.warned_rows += 1
        self.remarks_total += len(remarks)
        self.remarks += remarks[: KEPT_REMARKS - len(self.remarks)]
        self._kept_bytes += size_bytes
        if len(self.kept) < KEPT_ROWS and self._kept_bytes <= KEPT_BYTES:
            values = tuple([*row, *[""] * len(self._fields)][: len(self._fields)])
            reason = "; ".join(remark.message for remark in remarks)
            self.kept.append(ResultRow(number, MARK + reason, values))

    def _name(self, place: int) -> str:
        """The name of a column: that of its field where it has one."""
        if place >= len(self._columns):
            return f"cell {place + 1}"
        column_field = self._fields[place]
        return column_field.name if column_field else self._columns[place]

    def _of_row(self, row: list[str], width: int) -> list[Oddity]:
        """What is odd about the row as a whole. `width`: cells of the record, of which `row` may be the first ones."""
        oddities: list[Oddity] = []
        if width != len(self._columns):
            has = f"{width} cell{'' if width == 1 else 's'}"
            oddities.append((None, f"the row has {has}, and the header {len(self._columns)}"))
        if self._keys and not any(row[index].strip() for index in self._keys if index < len(row)):
            oddities.append((None, "the key is empty"))
        return oddities

    def _of_cells(self, row: list[str]) -> list[Oddity]:
        return [
            (place, what)
            for place, (column_field, cell) in enumerate(zip(self._fields, row, strict=False))
            if column_field and (what := complaint(column_field, cell.strip()))
        ]

    def _named(self, odd: Iterator[tuple[int, str]]) -> list[Oddity]:
        """The same with the column's name before what is odd."""
        return [(place, f"{self._name(place)} {what}") for place, what in odd]
