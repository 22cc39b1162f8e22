"""A file that is only looked at."""

import gzip
from collections import deque
from collections.abc import Callable

import pytest

from app.domain.answers import Description, Field
from app.domain.errors import BadFile, BrokenUpload, TooLarge
from app.domain.formats import Format
from app.domain.imports import Request
from app.domain.objects import CustomObject, Leads
from app.domain.preflight import Column
from app.files.compression import zstd
from app.files.examination import Examination, Findings, Limits
from app.files.inspection import Remark

DESCRIBED = Description((Field("email", "Email Address", "email"), Field("leadScore", "Lead Score", "integer")))
LIMITS = Limits(part_bytes=1000, file_bytes=10**6)


def examined(content: bytes, *, step: int = 10**6, fields: Description | None = DESCRIBED, **said) -> Findings:
    more = {name: said.pop(name) for name in ("content_encoding", "beginning_only") if name in said}
    now = said.pop("now", fields)
    examination = Examination(Request(said.pop("target", Leads()), **said), fields, LIMITS, **more)
    try:
        for at in range(0, len(content), step):
            deque(examination.feed(content[at : at + step]), 0)
        deque(examination.finish(), 0)
    except BadFile as refused:
        examination.refused = refused
    return examination.findings(now)


def test_a_good_file_has_no_mistakes():
    """Its rows and parts are counted as an upload's would be."""
    rows = b"".join(b"p%d@example.com,%d\n" % (n, n) for n in range(100))
    found = examined(gzip.compress(b"email,leadScore\n" + rows), content_encoding="gzip")
    assert (found.rows, found.mistakes, found.remarks_total, found.ragged_rows) == (100, [], 0, 0)
    assert found.parts > 1
    assert found.columns == [Column("email", "email", "email"), Column("leadScore", "leadScore", "integer")]
    assert (found.charset, found.format) == ("utf-8", Format.CSV)


def test_mistakes_of_the_header_and_remarks_of_the_rows_are_told_together():
    """A column that Marketo does not know stops nobody from reading on."""
    content = b"email,Lead Score\na@example.com,7,8\nnot-an-address,x\n"
    found = examined(content)
    assert [(item.code, item.field) for item in found.mistakes] == [("invalid_header", "Lead Score")]
    assert found.columns[1].suggestion == "leadScore"
    assert found.remarks == [
        Remark(1, None, "the row has 3 cells, and the header 2"),
        Remark(2, "email", "email is not an email address"),
    ]
    assert (found.rows, found.ragged_rows) == (2, 1)


def test_what_cannot_be_read_is_told_as_an_upload_would_be():
    """And what the file seems to be."""
    found = examined("Email Address;Lead Score\nzoë@example.com;7\n".encode("cp1252"))
    assert [item.say for item in found.mistakes if item.say] == ["charset=cp1252", "format=ssv"]
    assert (found.charset, found.format) == ("cp1252", Format.SSV)
    assert [item.name for item in found.columns] == ["Email Address", "Lead Score"]


def test_a_beginning_that_is_cut_off_is_no_mistake():
    """A browser sends the first megabyte, wherever that ends."""
    content = b'email,leadScore\na@example.com,7\nb@example.com,"Zo' + b"\xc3"
    found = examined(content, beginning_only=True)
    assert (found.mistakes, found.rows, found.parts) == ([], 1, 1)
    assert [item.code for item in examined(content).mistakes] == ["bad_bytes", "unclosed_quote"]


CUT = 'email,company\nann@example.com,"Änn, the\nfirst €"\nbob@example.com,Böb\n"c""c@example.com",𝒞id\n'
ROWS_END_AT = ('Änn, the\nfirst €"\n', "Böb\n", "𝒞id\n")


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "gb18030"])
def test_a_beginning_may_end_at_any_byte(charset: str):
    """In a mark, a letter, a quoted cell: no mistake, and only whole rows are counted, by their columns."""
    content = CUT.encode(charset)
    said = charset.removesuffix("-sig")
    ends = [len(CUT[: CUT.index(row) + len(row)].encode(charset)) for row in ROWS_END_AT]
    header_end = len(CUT[: CUT.index("\n") + 1].encode(charset))
    for size in range(1, len(content) + 1):
        found = examined(content[:size], step=7, beginning_only=True, charset=said, fields=None)
        assert (found.mistakes, found.rows) == ([], sum(end <= size for end in ends)), size
        if size > header_end:
            assert [column.name for column in found.columns] == ["email", "company"], size
            assert (found.charset, found.format, found.has_header) == (said, Format.CSV, True), size


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_packed_beginning_may_end_at_any_byte(encoding: str, pack: Callable[[bytes], bytes]):
    """Also where nothing can be unpacked of it yet; rows are counted as far as they can be."""
    content = pack(b"email,company\n" + b"".join(b"p%d@example.com,Ann\n" % n for n in range(10_000)))
    counted = []
    for size in [*range(1, 40), *range(40, len(content), 997), len(content)]:
        found = examined(content[:size], beginning_only=True, content_encoding=encoding, fields=None)
        assert found.mistakes == [], size
        counted.append(found.rows)
    assert counted == sorted(counted)
    assert (counted[0], counted[-1], len(set(counted)) > 2) == (0, 10_000, True)


def test_without_marketos_fields_nothing_is_said_of_them():
    """They could not be asked for."""
    found = examined(b"email,shoeSize\na@example.com,7\n", fields=None)
    assert (found.mistakes, found.columns) == ([], [Column("email"), Column("shoeSize")])


def test_a_header_that_is_cut_off_has_no_columns_yet():
    """Half a name is no mistake; a beginning of nothing is an empty file."""
    found = examined(b"email,leadSc", beginning_only=True)
    assert (found.columns, found.mistakes, found.rows, found.parts) == ([], [], 0, 0)
    assert [item.code for item in examined(b"", beginning_only=True).mistakes] == ["empty_file"]


def test_what_marketo_does_not_say_now_is_no_mistake():
    """An upload would be taken: the field may have been made since. The right name is told all the same."""
    found = examined(b"email,Lead Score\na@example.com,7\n", now=None)
    assert found.mistakes == []
    assert found.columns[1] == Column("Lead Score", suggestion="leadScore")


def test_a_field_that_was_made_since_is_no_mistake():
    """Marketo is asked anew before a header is refused."""
    newer = Description((*DESCRIBED.fields, Field("shoeSize", "Shoe Size", "integer")))
    found = examined(b"email,shoeSize\na@example.com,7\n", now=newer)
    assert (found.mistakes, found.columns[1]) == ([], Column("shoeSize", "shoeSize", "integer"))


@pytest.mark.parametrize("step", [7, 10**6])
def test_rows_that_repeat_a_key_are_counted(step: int):
    """As Marketo takes keys for equal; a row without one repeats none. Nor does it matter how the bytes come."""
    keys = ["a@example.com", "b@example.com", "A@Example.com", "", '"a@example.com"', "", "b@example.com"]
    content = "email,leadScore\n" + "".join(f"{key},{n}\n" for n, key in enumerate(keys))
    assert examined(content.encode(), step=step).repeated_keys == 3


def test_where_nobody_knows_the_key_nobody_counts_it():
    """Marketo alone knows a custom object's, and could not be asked."""
    assert examined(b"vin\n1\n1\n", fields=None, target=CustomObject("car_c")).repeated_keys is None


@pytest.mark.parametrize(
    ("line", "is_header"),
    [
        ("email,leadScore", True),
        ("Email Address,17", True),
        ("Vorname,Nachname", True),
        ("ann@example.com,Ann", False),
        ("Ann,17", False),
        ("Ann,2026-11-23", False),
        (",,", False),
    ],
)
def test_whether_there_is_a_header_is_guessed(line: str, is_header: bool):
    """By the names that are known, and by what cannot be a name."""
    assert examined(line.encode() + b"\n", beginning_only=True).has_header is is_header


def test_the_columns_of_a_header_that_is_none_are_bounded():
    """A line of a hundred thousand commas is refused; nobody wants to hear of each."""
    found = examined(b"email" + b",x" * 100_000 + b"\na\n")
    assert [item.code for item in found.mistakes][-1] == "too_many_columns"
    assert len(found.columns) == 2000


def test_limits_hold_as_for_an_upload():
    """Nobody may have more looked at than may be sent."""
    with pytest.raises(TooLarge):
        examined(b"email\n" + b"x@example.com\n" * 100_000)
    with pytest.raises(BrokenUpload):
        examined(gzip.compress(b"email\n")[:-4], content_encoding="gzip")
