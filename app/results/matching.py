"""A result file's rows, matched with the rows of the part, and as they are stored."""

from collections.abc import Iterator

from app.domain.parts import Part
from app.domain.result_rows import ResultRow
from app.files import row_numbers
from app.files.compression import unpacked
from app.files.matched_rows import MatchedRow
from app.files.result_files import UNREADABLE, shown
from app.files.result_matching import match_rows
from app.files.row_numbers import UNKNOWN
from app.files.sent_rows import NOWHERE, Sent
from app.results.fetched import NumberedRows
from app.store.import_queries import ImportSummary
from app.store.part_files import StoredFile


def match_file(content: bytes, part: Part, summary: ImportSummary, stored: StoredFile) -> NumberedRows:
    """Match the rows of a result file with those of the part. It is slow for a large part: call it in a thread.

    Errors: GarbledResult.
    """
    request = summary.request
    text = b"".join(unpacked(stored.blob))
    sent = Sent([text], request.format.delimiter, summary.columns, request.target.key_columns)
    numbers = row_numbers.read(stored.row_numbers, first_row=part.first_row, rows=part.rows.total)
    return NumberedRows(match_rows(content, sent), numbers)


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
