"""Pre-flight while a file is cut."""

import pytest

from app.domain.answers import Description, Field
from app.domain.errors import BadFile
from app.domain.imports import Format, Leads
from app.files import inspection
from app.files.cutting import Cutter
from app.files.inspection import Inspection

DESCRIBED = Description((Field("email", type="email"), Field("leadScore", type="integer")))
FILE = b"email,leadScore\na@example.com,7\nb@example.com,x\n,3\nnot-an-address,y\nc@example.com\n"


def inspected(content: bytes, *, every_cell: bool = True) -> Inspection:
    found = Inspection(Leads(), Format.CSV, DESCRIBED, every_cell)
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


def test_a_header_is_refused_by_the_newest_description():
    """A field that was made since the last look is no mistake."""
    found = inspected(b"email,town,city\na@example.com,b,c\n", every_cell=False)
    assert [mistake.field for mistake in found.mistakes] == ["town", "city"]
    found.refuse(Description((*DESCRIBED.fields, Field("town"), Field("city"))))
    with pytest.raises(BadFile) as refused:
        found.refuse(Description((*DESCRIBED.fields, Field("town"))))
    assert refused.value.code == "invalid_header"
    assert [detail.field for detail in refused.value.details] == ["city"]


def test_a_header_with_very_many_mistakes_tells_the_first_in_words_and_all_in_details():
    """A sentence of a thousand names helps nobody."""
    columns = ",".join(f"x{n}" for n in range(1000))
    found = inspected(f"email,{columns}\na@example.com\n".encode(), every_cell=False)
    with pytest.raises(BadFile) as refused:
        found.refuse(DESCRIBED)
    assert len(refused.value.details) == 1000
    assert refused.value.message.endswith("And 995 more.")
