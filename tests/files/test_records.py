"""Where records end, as Python's csv sees it; the ugly cases one by one."""

import csv
import io

import pytest

from app.domain.errors import BadFile
from app.files.records import RecordScanner, cells, line_end_of

UGLY = [
    b'a,"b\r\nc",d\r\ne,f,g\r\n',
    b'"a""b","""",""\nx\n',
    b'a"b,c"\nd\n',
    b'"a"b"c,d\ne\n',
    b'"a"b,"c\nd"e\nf\n',
    b' "a\nb"\n',
    b"a\rb\r\nc\n\rd",
    b"\n\n\r\na,b\n\n\r\r\nc\n",
    b'""\n" "\n ',
    "a\u2028b\x0bc\x0cd\x1ce\x85\n".encode(),
    b',,\n"",\n',
    b'"a"',
    b'"a\r"\r"b\n"\n',
]


def list_of(records):
    return [records[index] for index in range(len(records))]


def scanned(body, delimiter=",", step=None):
    """The records of a body that is fed `step` bytes at a time."""
    scanner = RecordScanner(delimiter)
    found = []
    step = step or len(body) or 1
    for at in range(0, len(body), step):
        found += list_of(scanner.feed(body[at : at + step]))
    found += list_of(scanner.finish())
    assert scanner.records == len(found)
    return found


@pytest.mark.parametrize("body", UGLY)
@pytest.mark.parametrize("step", [1, 2, 3, None])
def test_an_ugly_file_has_the_records_and_cells_that_csv_sees(body, step):
    """However it comes in; blank lines are no records."""
    theirs = [row for row in csv.reader(io.StringIO(body.decode(), newline="")) if row]
    assert [cells(record, ",") for record in scanned(body, step=step)] == theirs


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_each_dialect_quotes_behind_its_own_delimiter_only(delimiter):
    """A quote behind another's delimiter is a character."""
    body = f'a{delimiter}"b\nc"\n'.encode()
    assert scanned(body, delimiter) == [body]
    assert scanned(body, "|") == [body[:-3], b'c"\n']


@pytest.mark.parametrize("step", [1, None])
@pytest.mark.parametrize(("body", "row"), [(b'"', 0), (b'email\na\n"b\nc\n', 2), (b'email\n\n\na\n"b""', 2)])
def test_a_quote_that_never_closes_is_named_with_its_row(body, row, step):
    """Row 0 is the header; blank lines are not counted."""
    with pytest.raises(BadFile) as error:
        scanned(body, step=step)
    assert error.value.code == "unclosed_quote"
    assert [detail.row for detail in error.value.details] == [row]


@pytest.mark.parametrize("step", [1, None])
def test_a_record_beyond_the_limit_is_named_with_its_row(step):
    """Without waiting for its end: the end may never come."""
    scanner = RecordScanner(",", limit_bytes=10)
    body = b"email\na\n" + b"x" * 11
    step = step or len(body)
    with pytest.raises(BadFile) as error:
        for at in range(0, len(body), step):
            scanner.feed(body[at : at + step])
        scanner.feed(b"")
    assert error.value.code == "record_too_large"
    assert [detail.row for detail in error.value.details] == [2]


@pytest.mark.parametrize(
    ("record", "end"), [(b"a,b\n", b"\n"), (b"a,b\r\n", b"\r\n"), (b"a\r", b"\r"), (b'"a\n"', b""), (b"", b"")]
)
def test_a_record_tells_its_line_end(record: bytes, end: bytes):
    """One inside quotes is none."""
    assert line_end_of(record) == end
