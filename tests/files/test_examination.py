"""A file that is only looked at."""

import gzip

import pytest

from app.domain.answers import Description, Field
from app.domain.errors import BrokenUpload, TooLarge
from app.domain.imports import Format, Leads, Request
from app.domain.preflight import Column
from app.files.examination import Examination, Findings, Limits
from app.files.inspection import Remark

DESCRIBED = Description((Field("email", "Email Address", "email"), Field("leadScore", "Lead Score", "integer")))
LIMITS = Limits(part_bytes=1000, file_bytes=10**6)


def examined(content: bytes, *, step: int = 10**6, fields: Description | None = DESCRIBED, **said) -> Findings:
    more = {name: said.pop(name) for name in ("content_encoding", "beginning_only") if name in said}
    examination = Examination(Request(Leads(), **said), fields, LIMITS, **more)
    for at in range(0, len(content), step):
        examination.feed(content[at : at + step])
    return examination.finish()


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
    assert [(one.code, one.field) for one in found.mistakes] == [("invalid_header", "Lead Score")]
    assert found.columns[1].suggestion == "leadScore"
    assert found.remarks == [
        Remark(1, None, "the row has 3 cells, and the header 2"),
        Remark(2, "email", "email is not an email address"),
    ]
    assert (found.rows, found.ragged_rows) == (2, 1)


def test_what_cannot_be_read_is_told_as_an_upload_would_be():
    """And what the file seems to be."""
    found = examined("Email Address;Lead Score\nzoë@example.com;7\n".encode("cp1252"))
    assert [one.say for one in found.mistakes if one.say] == ["charset=cp1252", "format=ssv"]
    assert (found.charset, found.format) == ("cp1252", Format.SSV)
    assert [one.name for one in found.columns] == ["Email Address", "Lead Score"]


def test_a_beginning_that_is_cut_off_is_no_mistake():
    """A browser sends the first megabyte, wherever that ends."""
    content = b'email,leadScore\na@example.com,7\nb@example.com,"Zo' + b"\xc3"
    found = examined(content, beginning_only=True)
    assert (found.mistakes, found.rows) == ([], 1)
    assert [one.code for one in examined(content).mistakes] == ["bad_bytes", "unclosed_quote"]


def test_without_marketos_fields_nothing_is_said_of_them():
    """They could not be asked for."""
    found = examined(b"email,shoeSize\na@example.com,7\n", fields=None)
    assert (found.mistakes, found.columns) == ([], [Column("email"), Column("shoeSize")])


def test_limits_hold_as_for_an_upload():
    """Nobody may have more looked at than may be sent."""
    with pytest.raises(TooLarge):
        examined(b"email\n" + b"x@example.com\n" * 100_000)
    with pytest.raises(BrokenUpload):
        examined(gzip.compress(b"email\n")[:-4], content_encoding="gzip")
