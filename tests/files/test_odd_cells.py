"""Cells that Marketo takes, but perhaps not as they were meant."""

import pytest

from app.files.odd_cells import Oddities


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (b'"plain"', None),
        (b'"a ""b"" c"', None),
        (b'"two\nlines"', None),
        (b' "Ada"', "blank before its opening quote"),
        (b'\t"Ada"', "blank before its opening quote"),
        (b'5" wide', None),
        (b'"a" b', "goes on behind its closing quote"),
        (b'"a \\"b\\" c"', 'not as \\"'),
        (b'"a\nb,c\nd,e"', "3 lines that look like rows"),
    ],
)
def test_odd_quotes_are_told(cell: bytes, says: str | None):
    """With the cell's position; quotes that are right, and letters, are not."""
    found = list(Oddities(",", "utf-8").quoting([b"first", cell]))
    if says is None:
        assert found == []
    else:
        assert [place for place, _ in found] == [1]
        assert says in found[0][1]


@pytest.mark.parametrize(
    ("record", "well_formed", "suspect"),
    [
        (b"a,b\r\n", False, False),
        (b'"a",b\r\n', True, False),
        (b'"a",b\r\n', False, True),
        (b'a, "b"\r\n', True, True),
        (b'"a\nb",c\r\n', True, True),
    ],
)
def test_only_records_that_may_be_odd_are_looked_at(record: bytes, well_formed: bool, suspect: bool):
    """Most rows have no quotes, or quotes that a strict reader accepts."""
    assert Oddities(",", "utf-8").may_be_quoted_oddly(record, well_formed=well_formed) is suspect


def test_a_tab_before_a_quote_is_no_blank_where_tabs_separate():
    """It is the separator itself."""
    assert not Oddities("\t", "utf-8").may_be_quoted_oddly(b'a\t"b"\n', well_formed=True)
    assert Oddities(",", "utf-8").may_be_quoted_oddly(b'a,\t"b"\n', well_formed=True)


def test_a_control_character_is_what_cp1252_has_for_a_quote():
    """In a file that is declared Latin-1, the charset is doubted as well."""
    cells = ["a", "it\u0092s"]
    record = ",".join(cells).encode()
    assert list(Oddities(",", "utf-8").misread(record, cells)) == [(1, "holds the control character U+0092")]
    (place, what), *others = Oddities(",", "latin-1").misread(record, cells)
    assert (place, others) == (1, [])
    assert what.endswith("is the file really latin-1?")


def test_utf_8_that_was_read_in_another_charset_is_noticed():
    """Real letters of that charset are not."""
    cells = ["a", "Zoë".encode().decode("cp1252")]
    assert [place for place, _ in Oddities(",", "cp1252").misread(",".join(cells).encode(), cells)] == [1]
    assert list(Oddities(",", "cp1252").misread("a,Zoë".encode(), ["a", "Zoë"])) == []
    assert list(Oddities(",", "utf-8").misread("a,Zoë".encode(), ["a", "Zoë"])) == []
