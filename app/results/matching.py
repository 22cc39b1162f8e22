"""A result file's rows, matched with the rows of the part, and as they are stored."""

from collections.abc import Iterator

from app.domain.parts import Part
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
from app.store.results import NewRow


def match_file(content: bytes, part: Part, summary: ImportSummary, stored: StoredFile) -> NumberedRows:
    """Match the rows of a result file with those of the part. It is slow for a large part: call it in a thread.

    Errors: GarbledResult.
    """
    request = summary.request
    text = b"".join(unpacked(stored.blob))
    sent = Sent([text], request.format.delimiter, summary.columns, request.target.key_columns)
    numbers = row_numbers.read(stored.row_numbers, first_row=part.first_row, rows=part.rows.total)
    return NumberedRows(match_rows(content, sent), numbers)


def new_rows(matched: NumberedRows) -> Iterator[NewRow]:
    """The rows as they are stored, made one at a time."""
    for row in matched.rows:
        yield _new_row(row, UNKNOWN if row.place == NOWHERE else int(matched.numbers[row.place]))


def _new_row(row: MatchedRow, number: int) -> NewRow:
    if row.text is not None:
        return NewRow.unread(UNREADABLE, row.text)
    place = None if row.place == NOWHERE else row.place
    return NewRow.of(None if number == UNKNOWN else number, shown(row.reason), row.values, place)
