"""A file's header: read, checked, and written as Marketo wants it."""

import pytest

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files.header import Header, check_width, columns_in
from app.files.records import RecordScanner


def test_a_header_is_kept_as_it_came():
    """Its bytes begin each part."""
    header = Header.read(b'email,"first name"\r\n', Format.CSV, ["EMAIL"])
    assert header.columns == ("email", "first name")
    assert header.line == b'email,"first name"\r\n'


def test_blanks_around_a_name_are_taken_off_also_in_the_parts():
    """Marketo would take ` email`, and then fail every row. The line keeps its own end."""
    header = Header.read(b'email ; "name"\r\n', Format.SSV, ["email"])
    assert header.columns == ("email", "name")
    assert header.line == b"email;name\r\n"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"email,,name\n", "blank_column"),
        (b"email,Email\n", "duplicate_column"),
        (b"name,age\n", "missing_column"),
        (b"email,%s\n" % (b"x" * 300), "column_name_too_long"),
    ],
)
def test_a_header_with_a_mistake_is_refused(record: bytes, code: str):
    """Each mistake has its code."""
    with pytest.raises(BadFile) as refused:
        Header.read(record, Format.CSV, ["email"])
    assert refused.value.code == code


def test_a_header_with_another_separator_is_told_which_format_it_has():
    """And nothing else, since all other mistakes would follow from that."""
    with pytest.raises(BadFile) as refused:
        Header.read(b"email;name\n", Format.CSV, ["email"])
    assert "format=ssv" in refused.value.message
    assert len(refused.value.details) == 1


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_header_of_too_many_columns_is_refused_before_its_cells_are_read(is_complete: bool):
    """Also while its end has not come."""
    scanner = RecordScanner(",")
    records = scanner.feed(b"a,b,c\n" if is_complete else b"a,b,c")
    place = (0, 3)
    check_width(records, place, most=3)
    with pytest.raises(BadFile) as refused:
        check_width(records, place, most=2)
    assert refused.value.code == "too_many_columns"


def test_the_names_of_a_line_can_be_read_without_any_check():
    """For a line that may be no header at all."""
    assert columns_in(b' a ,, " b " \n', ",") == ("a", "", "b")
