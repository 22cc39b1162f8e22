"""A result file's rows, matched with the rows of the job, and as they are stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.result_rows import ResultRow
from app.files import row_numbers
from app.files.compression import unpacked
from app.files.matched_rows import MatchedRow
from app.files.records import Offsets
from app.files.result_files import UNREADABLE, shown
from app.files.result_matching import match_rows
from app.files.row_numbers import UNKNOWN
from app.files.row_owners import split_rows
from app.files.sent_rows import NOWHERE, Sent
from app.results.fetched import NumberedRows, SplitRows
from app.store.part_files import StoredFile


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part of a job: its stored file, and which rows of the upload it has."""

    stored: StoredFile
    first_row: int
    rows: int

    def numbers(self) -> Offsets:
        """The numbers of its rows in the upload."""
        return row_numbers.read(self.stored.row_numbers, first_row=self.first_row, rows=self.rows)


def match_job_file(
    content: bytes,
    parts: Sequence[SentPart],
    *,
    delimiter: str,
    columns: Sequence[str],
    key_columns: Sequence[str],
) -> SplitRows:
    """Match the rows of a result file with those of a whole job, and give each to its part. Slow: call it in a thread.

    `parts` in the order in which they stand in the job; they have the same header. Errors: GarbledResult.
    """
    texts = [b"".join(unpacked(part.stored.blob)) for part in parts]
    matched = match_rows(content, Sent(texts, delimiter, columns, key_columns))
    sizes = [part.rows for part in parts]
    assert len(matched.sent) == sum(sizes), "a part has not the rows that are stored of it: nobody's row could be told"
    own, without_part = split_rows(matched, sizes)
    of_parts = [NumberedRows(rows, part.numbers()) for rows, part in zip(own, parts, strict=True)]
    return SplitRows(matched, of_parts, NumberedRows(without_part, np.zeros(0, np.int64)))


def result_rows(matched: NumberedRows) -> Iterator[ResultRow]:
    """The rows of a result file with their numbers in the upload, made one at a time."""
    for row in matched.rows:
        yield _result_row(row, UNKNOWN if row.place == NOWHERE else int(matched.numbers[row.place]))


def _result_row(row: MatchedRow, number: int) -> ResultRow:
    if row.text is not None:
        return ResultRow(None, UNREADABLE, text=row.text)
    source_row = None if number == UNKNOWN else number
    part_row = None if row.place == NOWHERE else row.place
    return ResultRow(source_row, shown(row.reason), row.values, part_row=part_row)
