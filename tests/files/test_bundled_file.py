"""The file of a job with several parts reads as the header and all records of its parts."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import Format
from app.files.bundled_file import bundled, bundled_size
from app.files.compression import STEP_BYTES, pack, unpacked
from app.files.cutting import Cutter, PartFile
from app.files.records import RecordScanner

CELLS = st.text(st.sampled_from('ab",;\t\n\r é'), max_size=6)


def joined(*texts: bytes, header: bytes = b"email,note\n") -> bytes:
    blobs = [pack(header + text) for text in texts]
    whole = b"".join(bundled(blobs, len(header)))
    assert bundled_size(blobs, len(header)) == len(whole)
    return whole


def test_the_header_is_there_once_and_the_records_in_the_order_of_their_parts():
    """As each of them came."""
    assert joined(b"a@x,1\n", b"b@x,2\nc@x,3\n", b"d@x,4\n") == b"email,note\na@x,1\nb@x,2\nc@x,3\nd@x,4\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_end_is_put_in_only_where_another_part_follows(end: bytes):
    """The same as the header's."""
    found = joined(b"a@x,1", b"b@x,2" + end, b"c@x,3", header=b"email,note" + end)
    assert found == end.join([b"email,note", b"a@x,1", b"b@x,2", b"c@x,3"])


def test_a_record_that_ended_in_another_way_gets_no_second_line_end():
    """A file may have line ends of several kinds."""
    assert joined(b"a@x,1\r", b"b@x,2\n", header=b"email,note\r\n") == b"email,note\r\na@x,1\rb@x,2\n"


def test_one_part_is_given_as_it_is():
    """Block for block."""
    blob = pack(b"email,note\na@x,1") + pack(b"2")
    assert list(bundled([blob], 11)) == list(unpacked(blob))


def test_large_parts_are_given_block_by_block():
    """Also where a header is larger than a block."""
    header = b"email," + b"n" * (STEP_BYTES + 5) + b"\r\n"
    texts = [b"a@x," + b"y" * (2 * STEP_BYTES), b"b@x,1"]
    blobs = [pack(header + text) for text in texts]
    blocks = list(bundled(blobs, len(header)))
    assert max(map(len, blocks)) <= STEP_BYTES
    assert b"".join(blocks) == header + texts[0] + b"\r\n" + texts[1]


def split_into_frames(content: bytes, sizes: list[int]) -> bytes:
    """Compressed in frames, which are unpacked one by one."""
    frames, at = [], 0
    for size in sizes:
        frames.append(pack(content[at : at + size]))
        at += size
    return b"".join([*frames, pack(content[at:])])


@st.composite
def uploads(draw: Any) -> tuple[Format, bytes, list[bytes]]:
    """(format, header, for each of some files the text of its records), quoted where they must be."""
    format_, end = draw(st.sampled_from(Format)), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    files = []
    for _ in range(draw(st.integers(1, 4))):
        text = io.StringIO()
        for row in draw(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4)):
            needed = any(set(cell) & set('",;\t\r\n') for cell in row)
            quoting = csv.QUOTE_ALL if needed or draw(st.booleans()) else csv.QUOTE_MINIMAL
            own_end = draw(st.sampled_from([end, end, "\n"]))
            csv.writer(text, delimiter=format_.delimiter, lineterminator=own_end, quoting=quoting).writerow(row)
        is_whole = draw(st.booleans())
        files.append(text.getvalue().encode() if is_whole else text.getvalue().removesuffix(own_end).encode())
    return format_, f'email{format_.delimiter}"no{end}te"{end}'.encode(), files


def cut(format_: Format, content: bytes) -> list[PartFile]:
    cutter = Cutter(format=format_, limit_bytes=len(content) + 1, key_columns=("email",))
    return [*cutter.feed(content), *cutter.finish()]


def records_of(text: bytes, delimiter: str) -> list[bytes]:
    scanner = RecordScanner(delimiter)
    return [records[index] for records in (scanner.feed(text), scanner.finish()) for index in range(len(records))]


@given(made=uploads(), sizes=st.lists(st.integers(1, 9), max_size=8))
def test_NO_LOST_ROWS_a_bundled_file_has_the_records_of_its_parts(
    made: tuple[Format, bytes, list[bytes]], sizes: list[int]
):
    """For any quoting, line ends and cells, however the stored bytes are split; each record as it was, in order."""
    format_, header, texts = made
    parts = [part for text in texts for part in cut(format_, header + text)]
    assert {part.header for part in parts} == {header}
    plain = [b"".join(unpacked(part.blob)) for part in parts]
    blobs = [split_into_frames(text, sizes) for text in plain]
    whole = b"".join(bundled(blobs, len(header)))
    assert bundled_size(blobs, len(header)) == len(whole)
    found = records_of(whole, format_.delimiter)
    of_parts = [record for text in plain for record in records_of(text, format_.delimiter)[1:]]
    bare = [record.rstrip(b"\r\n") for record in of_parts]
    assert found[0] == header
    assert [record.rstrip(b"\r\n") for record in found[1:]] == bare
    assert all(
        record == own or own == bare_record for record, own, bare_record in zip(found[1:], of_parts, bare, strict=True)
    ), "only a line end that lacked was put in"
