"""Properties of the way from bytes to parts and back, for any dialect and any chunking."""

import csv
import io
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files import row_numbers
from app.files.compression import unpacked
from app.files.cutting import Cutter, PartFile
from app.files.records import Records, RecordScanner, cells

CELLS = st.text(st.sampled_from('ab",;\t\n\r é '), max_size=6)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
WILD = st.text(st.sampled_from('ab",\n\r'), max_size=30)


def chunked(content: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(content[at : at + size])
        at += size
    return [*chunks, content[at:]]


def in_order(records: Records) -> list[bytes]:
    return [records[index] for index in range(len(records))]


def rows_of(piece: PartFile) -> list[int]:
    return row_numbers.read(piece.row_numbers, first_row=piece.first_row, rows=piece.rows).tolist()


@st.composite
def files(draw: Any) -> tuple[Format, bytes, list[bytes]]:
    """(format, file, its records as written), quoted where they must be or where chance says so."""
    form = draw(st.sampled_from(Format))
    end = draw(ENDS)
    records = []
    for _ in range(draw(st.integers(1, 8))):
        line = io.StringIO()
        row = draw(st.lists(CELLS, min_size=2, max_size=2))
        needed = any(set(cell) & set('",;\t\r\n') for cell in row)
        quoting = csv.QUOTE_ALL if needed or draw(st.booleans()) else csv.QUOTE_MINIMAL
        csv.writer(line, delimiter=form.delimiter, lineterminator=end, quoting=quoting).writerow(row)
        records.append(line.getvalue().encode())
    header = f"email{form.delimiter}note{end}".encode()
    if draw(st.booleans()):
        records[-1] = records[-1].removesuffix(end.encode())
    return form, header + b"".join(records), records


TWO_ROWS = (Format.CSV, b"email,note\na,1\nb,2\n", [b"a,1\n", b"b,2\n"])


@given(made=files(), sizes=st.lists(st.integers(0, 5), max_size=30), room=st.integers(0, 60))
@example(made=TWO_ROWS, sizes=[], room=3)  # a byte too few for both in one part
@example(made=TWO_ROWS, sizes=[], room=4)  # just enough
def test_NO_LOST_ROWS_and_FITS_every_record_is_in_exactly_one_part_that_fits(
    made: tuple[Format, bytes, list[bytes]], sizes: list[int], room: int
):
    """Put together, the parts' records are the file's, byte for byte and in order; no part is over the limit."""
    form, content, records = made
    header = content[: len(content) - sum(map(len, records))]
    limit = len(header) + max(map(len, records)) + room
    cutter = Cutter(format=form, limit_bytes=limit, key_columns=("email",))
    pieces = [*(piece for chunk in chunked(content, sizes) for piece in cutter.feed(chunk)), *cutter.finish()]
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    found: dict[int, bytes] = {}
    for piece in pieces:
        body = b"".join(unpacked(piece.blob))
        assert body.startswith(header)
        assert len(body) == piece.size_bytes <= limit
        scanner = RecordScanner(form.delimiter)
        theirs = in_order(scanner.feed(body)) + in_order(scanner.finish())
        assert found.keys().isdisjoint(rows_of(piece))
        found.update(zip(rows_of(piece), theirs[1:], strict=True))
    assert [found[number] for number in sorted(found)] == records
    assert sorted(found) == list(range(1, cutter.rows + 1))


@given(keys=st.lists(st.integers(0, 6), min_size=1, max_size=60), room=st.integers(0, 40), step=st.integers(1, 50))
def test_repeated_keys_keep_their_order_and_cost_other_rows_nothing(keys: list[int], room: int, step: int):
    """A part either shares no key with any before it, or holds only rows whose key stands in one before it."""
    header, records = b"email,row\n", [b"k%d@x,%d\n" % (key, row) for row, key in enumerate(keys, 1)]
    content = header + b"".join(records)
    cutter = Cutter(format=Format.CSV, limit_bytes=len(header) + 8 + room, key_columns=("email",))
    chunks = [content[at : at + step] for at in range(0, len(content), step)]
    pieces = [*(piece for chunk in chunks for piece in cutter.feed(chunk)), *cutter.finish()]
    met: set[int] = set()
    for piece in pieces:
        assert piece.keys is not None
        assert len(piece.keys) == len({keys[row - 1] for row in rows_of(piece)})
        theirs = set(piece.keys.tolist())
        assert theirs.isdisjoint(met) or theirs <= met
        met |= theirs
    as_sent = [row for piece in pieces for row in rows_of(piece)]
    for key in set(keys):
        assert [row for row in as_sent if keys[row - 1] == key] == [n for n, k in enumerate(keys, 1) if k == key]


@given(
    wild=WILD,
    delimiter=st.sampled_from([one.delimiter for one in Format]),
    sizes=st.lists(st.integers(0, 4), max_size=20),
)
def test_a_record_is_what_pythons_csv_says_it_is(wild: str, delimiter: str, sizes: list[int]):
    """For any text, well-formed or not, in any chunks; but a quote that never closes is refused here."""
    text, scanner = wild.replace(",", delimiter), RecordScanner(delimiter)
    try:
        fed = [scanner.feed(chunk) for chunk in chunked(text.encode(), sizes)]
        found = [record for records in [*fed, scanner.finish()] for record in in_order(records)]
    except BadFile as refused:
        if refused.code != "unclosed_quote":
            raise
        return
    theirs = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    assert [cells(record, delimiter) for record in found] == theirs
