"""Pre-flight while a file is cut."""

import pytest

from app.domain.answers import Description, Field
from app.domain.formats import Format
from app.domain.objects import Leads
from app.files import inspection
from app.files.cutting import Cutter
from app.files.inspection import Inspection, Remark

DESCRIBED = Description((Field("email", type="email"), Field("leadScore", type="integer")))
FILE = b"email,leadScore\na@example.com,7\nb@example.com,x\n,3\nnot-an-address,y\nc@example.com,\n"


def inspected(
    content: bytes, *, every_cell: bool = True, described: Description | None = DESCRIBED, charset: str = "utf-8"
) -> Inspection:
    found = Inspection(Leads(), Format.CSV, described, every_cell, charset)
    cutter = Cutter(format=Format.CSV, limit_bytes=10**6, key_columns=("email",), inspection=found)
    assert list(cutter.feed(content)) == []
    assert len(list(cutter.finish())) == 1
    return found


def test_each_row_with_something_wrong_is_kept_with_all_of_it():
    """By its row in the upload, with its values padded to the header."""
    found = inspected(FILE)
    assert [(row.source_row, row.reason) for row in found.kept] == [
        (2, "Pre-flight: leadScore is not a whole number"),
        (3, "Pre-flight: the key is empty"),
        (4, "Pre-flight: email is not an email address; leadScore is not a whole number"),
    ]
    assert found.warned_rows == 3
    assert found.kept[1].values == ("", "3")


def test_cells_are_looked_at_only_where_that_was_asked_for():
    """It takes time."""
    assert inspected(FILE, every_cell=False).kept == []


def test_of_very_many_wrong_rows_the_first_are_kept_and_all_counted(monkeypatch: pytest.MonkeyPatch):
    """The rest would say the same."""
    monkeypatch.setattr(inspection, "KEPT_ROWS", 2)
    found = inspected(FILE)
    assert (len(found.kept), found.warned_rows) == (2, 3)


def test_wrong_rows_are_kept_up_to_some_megabytes(monkeypatch: pytest.MonkeyPatch):
    """However few they are."""
    monkeypatch.setattr(inspection, "KEPT_BYTES", 30)
    assert len(inspected(FILE).kept) == 2


def test_a_remark_names_row_and_column():
    """For whoever only has a file checked."""
    found = inspected(FILE)
    assert found.remarks == [
        Remark(2, "leadScore", "leadScore is not a whole number"),
        Remark(3, None, "the key is empty"),
        Remark(4, "email", "email is not an email address"),
        Remark(4, "leadScore", "leadScore is not a whole number"),
    ]
    assert found.remarks_total == 4


def test_of_very_many_remarks_the_first_hundred_are_kept_and_all_counted():
    """The rest would say the same."""
    found = inspected(b"email,leadScore\n" + b"not-an-address,x\n" * 80)
    assert (len(found.remarks), found.remarks_total) == (100, 160)


ODD = {  # what is odd: (the row, the column that is named, a word of what is said)
    "too many cells": (b"a@example.com,7,8\n", None, "the row has 3 cells, and the header 2"),
    "too few cells": (b"a@example.com\n", None, "the row has 1 cell, and the header 2"),
    "text behind a closing quote": (b'a@example.com,"7"x\n', "leadScore", "behind its closing quote"),
    "a quote with a backslash": (b'a@example.com,"say \\"7\\""\n', "leadScore", 'written twice (""), not as \\"'),
    "a blank before the opening quote": (b'a@example.com, "7"\n', "leadScore", "a blank before its opening quote"),
    "a quote that closes rows later": (
        b'a@example.com,"7\nb@example.com,8\nc@example.com,9"\n',
        "leadScore",
        "goes on over 3 lines that look like rows",
    ),
    "a quote that the next one closes": (
        b'a@example.com,"7\r\nb@example.com,"8"\r\n',
        "leadScore",
        "behind its closing quote",
    ),
}


@pytest.mark.parametrize("described", [DESCRIBED, None], ids=["described", "nobody could be asked"])
@pytest.mark.parametrize("odd", ODD)
def test_a_row_that_does_not_fit_the_header_or_is_oddly_quoted_is_remarked_upon(odd: str, described):
    """With its row and its column, whether or not Marketo could be asked for its fields."""
    row, column, says = ODD[odd]
    found = inspected(b"email,leadScore\ngood@example.com,1\n" + row + b"last@example.com,2\n", described=described)
    (remark,) = [item for item in found.remarks if says in item.message]
    assert (remark.row, remark.column) == (2, column)
    assert found.warned_rows == 1


def test_letters_in_c1_show_a_file_that_was_declared_as_latin_1():
    """cp1252 has quotes, dashes and the euro sign where latin-1 has what nobody writes."""
    content = "email,company\na@example.com,Müller & Söhne\nb@example.com,It\x92s 5 \x80\n".encode()
    (remark,) = inspected(content, charset="latin-1").remarks
    assert (remark.row, remark.column) == (2, "company")
    assert "holds the control character U+0092: is the file really latin-1?" in remark.message


def test_utf8_that_was_read_as_something_else_is_seen():
    """Each of its letters has become two."""
    (remark,) = inspected("email,company\na@example.com,MÃ¼ller\n".encode(), charset="cp1252").remarks
    assert "looks like UTF-8 that was read as cp1252" in remark.message
    assert inspected("email,company\na@example.com,Müller\n".encode(), charset="cp1252").remarks == []


@pytest.mark.parametrize(
    "row",
    [
        b'a@example.com,"7"\n',
        b'"a@example.com","Acme ""x"", Inc"\n',
        b'a@example.com,"Street 1\nBerlin\nGermany"\n',
        b'a@example.com,5" pipe\n',
        b'a@example.com,"",\n'[:-2] + b"\n",
        "a@example.com,Zoë – “quoted” it’s €5\n".encode(),
    ],
)
def test_what_is_written_as_it_should_be_is_not_remarked_upon(row: bytes):
    """A remark that is none would hide those that are."""
    assert inspected(b"email,company\n" + row).remarks == []
