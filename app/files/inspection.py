"""Pre-flight: a file held against Marketo's describe while it is cut, before a slot is spent on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description, Field
from app.domain.errors import BadFile, Detail
from app.domain.imports import Format, Target, key_columns
from app.domain.preflight import complaint, header_mistakes
from app.files.numbering import UNKNOWN
from app.files.records import Offsets, Records, cells
from app.files.results import ResultRow

KEPT_ROWS = 10_000  # of rows with a complaint: a file in which more are wrong is wrong as a whole
KEPT_BYTES = 10_000_000
TOLD_MISTAKES = 5  # in the sentence; the details have them all
MARK = "Pre-flight: "  # before our own reasons, so that nobody takes them for Marketo's


@dataclass(slots=True)
class Inspection:
    """Looks at the header and, where it is asked to, at every cell."""

    target: Target
    format: Format
    described: Description
    every_cell: bool
    mistakes: list[Detail] = field(default_factory=list)  # in the header
    warned_rows: int = 0
    kept: list[ResultRow] = field(default_factory=list)  # the first of these rows, each with its complaints
    _kept_bytes: int = 0
    _columns: Sequence[str] = ()
    _fields: list[Field | None] = field(default_factory=list)
    _keys: list[int] = field(default_factory=list)

    @property
    def memory_bytes(self) -> int:
        """Of the rows that are kept, each cell a text of its own."""
        return 3 * min(self._kept_bytes, KEPT_BYTES)

    def header(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self.mistakes = header_mistakes(columns, self.described, self.target)
        known = {one.name.lower(): one for one in self.described.fields}
        keys = {name.lower() for name in key_columns(self.target)}
        self._fields = [known.get(column.lower()) for column in columns]
        self._keys = [index for index, column in enumerate(columns) if column.lower() in keys]

    def refuse(self, described: Description) -> None:
        """Errors: BadFile invalid_header, if there still are mistakes; with a detail for each such column."""
        mistakes = header_mistakes(self._columns, described, self.target)
        if mistakes:
            told = [mistake.message for mistake in mistakes[:TOLD_MISTAKES]]
            more = len(mistakes) - len(told)
            message = " ".join(told + ([f"And {more} more."] if more else []))
            raise BadFile(message, code="invalid_header", details=tuple(mistakes))

    def rows(self, records: Records, numbers: Offsets) -> None:
        """Note what Marketo would reject or remark upon. Slow, which is why it has to be asked for."""
        if not self.every_cell:
            return
        for index, number in enumerate(numbers.tolist()):
            row = cells(records[index], self.format.delimiter)
            if found := self._complaints(row):
                self.warned_rows += 1
                self._kept_bytes += len(records[index])
                if len(self.kept) < KEPT_ROWS and self._kept_bytes <= KEPT_BYTES:
                    values = tuple([*row, *[""] * len(self._fields)][: len(self._fields)])
                    self.kept.append(ResultRow(number if number != UNKNOWN else None, MARK + "; ".join(found), values))

    def _complaints(self, row: list[str]) -> list[str]:
        found = []
        if self._keys and not any(row[index].strip() for index in self._keys if index < len(row)):
            found.append("the key is empty")
        for one, cell in zip(self._fields, row, strict=False):
            if one and (told := complaint(one, cell.strip())):
                found.append(told)
        return found
