"""Everything that is wrong with a file, at once; and what was said by a guess is only said."""

import pytest

from app.domain.answers import Description, Field
from app.domain.errors import BadFile
from app.domain.formats import Format
from app.domain.imports import Request
from app.domain.objects import CustomObject, Leads
from app.files.diagnosis import NO_LINE_ENDS, Sample, diagnose, everything

DESCRIBED = Description(
    (Field("email", "Email Address", "email"), Field("firstName", "First Name"), Field("company", "Company Name"))
)
GERMAN = "Email Address;First Name;Firma\r\nzoe@example.com;Zoë;Müller & Söhne\r\njosé@example.com;José;Käse\r\n"


def told(text: bytes, *, whole: bool = True, fields: Description | None = DESCRIBED, corrected: bool = False, **said):
    request = Request(said.pop("target", Leads()), **said)
    return diagnose(Sample(text, whole), request, fields=fields, corrected=corrected)


def test_a_german_excel_file_is_told_all_of_it_in_one_answer():
    """It took three tries before: the separator, the charset, and then the columns."""
    found = told(GERMAN.encode("cp1252"))
    assert [(item.code, item.say) for item in found.mistakes] == [
        ("bad_bytes", "charset=cp1252"),
        ("missing_column", "format=ssv"),
        ("missing_column", ""),
        ("invalid_header", ""),
        ("invalid_header", ""),
    ]
    assert "Row 1, column 2 (First Name) holds bytes that are not utf-8." in found.mistakes[0].message
    assert "which makes 'Zoë' of it" in found.mistakes[0].message
    assert "separated by semicolons, not by commas" in found.mistakes[1].message
    assert "Rename 'Email Address' to 'email'." in found.mistakes[2].message
    assert (found.charset, found.format) == ("cp1252", Format.SSV)


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_excels_unicode_text_is_told_all_of_it_too(charset: str):
    """With and without a byte order mark."""
    found = told("email\tfirstName\r\nzoe@example.com\tZoë\r\n".encode(charset))
    assert [item.say for item in found.mistakes] == [f"charset={charset}", "format=tsv"]


def test_utf16_that_is_full_of_nuls_is_told_once():
    """The NULs and the bytes behind them are one mistake."""
    found = told("email,firstName\r\nzoe@example.com,Zoë\r\n".encode("utf-16-le"))
    assert [(item.code, item.say) for item in found.mistakes] == [("nul_byte", "charset=utf-16-le")]
    nul = BadFile("The header, column 1 holds a NUL byte.", code="nul_byte")
    assert len(everything(nul, found)) == 1


@pytest.mark.parametrize(
    ("declared", "written", "say"),
    [
        ("utf-16", "utf-16-le", ["charset=utf-16-le"]),
        ("utf-16-be", "utf-16-le", ["charset=utf-16-le"]),
        ("cp1252", "utf-8-sig", ["charset=utf-8"]),
        ("utf-16-le", "utf-16", []),
        ("utf-8-sig", "utf-8-sig", []),
        ("utf-8", "utf-8-sig", []),
        ("latin-1", "latin-1", []),
    ],
)
def test_a_charset_is_doubted_only_where_the_bytes_speak_against_it(declared: str, written: str, say: list[str]):
    """A byte order mark may stand in front of a file whose charset says the order by its name."""
    found = told("email,firstName\nzoe@example.com,Zoë\n".encode(written), charset=declared)
    assert [item.say for item in found.mistakes] == say


@pytest.mark.parametrize(
    ("separator", "format_", "say"),
    [
        (";", Format.CSV, "format=ssv"),
        ("\t", Format.CSV, "format=tsv"),
        (",", Format.SSV, "format=csv"),
        ("|", Format.CSV, ""),
        ("^", Format.TSV, ""),
        ("\x01", Format.CSV, ""),
    ],
)
def test_another_separator_is_named(separator: str, format_: Format, say: str):
    """Also one that Marketo does not take; then what is to be done about it."""
    text = f'email{separator}firstName\na@example.com{separator}"A, the {separator} first"\n'.encode()
    (mistake,) = told(text, format=format_).mistakes
    assert (mistake.field, mistake.say) == ("format", say)
    assert "The cells are separated by" in mistake.message
    assert say or "Write the file with one of these." in mistake.message


def test_a_separator_within_a_cell_is_none():
    """Only where the key is missing, and another one makes a better table, it is asked for."""
    assert told(b'email,"a;b;c;d"\na@example.com,x\n', fields=None).mistakes == []
    assert [item.field for item in told(b"a;b,c;d\n1,2\n", fields=None).mistakes] == ["email"]


@pytest.mark.parametrize("before", ["sep=;\r\n", "\ufeffsep=;\r\n"])
def test_the_line_that_names_the_separator_is_no_header(before: str):
    """And the file is told its format by what follows."""
    text = f"{before}email;firstName\r\na@example.com;A\r\n".encode()
    assert [item.say for item in told(text).mistakes] == ["format=ssv"]
    assert told(text, format=Format.SSV).mistakes == []


def test_a_file_without_line_ends_is_told_what_took_them_out():
    """`curl -d @leads.csv` does; nothing else that could be said of such a header would help."""
    found = told(b"email,firstNamea@example.com,Ab@example.com,B")
    assert [item.message for item in found.mistakes] == [NO_LINE_ENDS]
    assert "--data-binary @FILE" in NO_LINE_ENDS
    assert told(b"email,firstNamea@example.com,A", whole=False, fields=None).mistakes == []


def test_our_own_columns_in_a_corrected_file_are_no_mistakes():
    """Whoever mends a failures file leaves them in."""
    text = b"email,Import Failure Reason,Source Row\na@example.com,bad,1\n"
    assert told(text, corrected=True).mistakes == []
    assert [item.field for item in told(text).mistakes] == ["Import Failure Reason", "Source Row"]


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        (b"email,firstName\na@example.com,A\nb@example.com,B\0\n", "nul_byte", 2),
        (b'email,firstName\na@example.com,"A\n', "unclosed_quote", 1),
        (b"email,firstName\n", "no_rows", None),
        (b"%PDF-1.7", "not_delimited", None),
        (b"email,firstName\na@example.com,Zo\xeb\n", "bad_bytes", 1),
    ],
)
def test_what_would_have_been_found_later_is_told_together_with_the_header(text: bytes, code: str, row: int | None):
    """Row and all."""
    assert [(item.code, item.row) for item in told(text).mistakes] == [(code, row)]
    if code != "not_delimited":
        twice = told(text.replace(b"firstName", b"First Name")).mistakes
        assert {item.code for item in twice} == {code, "invalid_header"}


def test_a_beginning_that_is_cut_off_is_no_mistake():
    """In the middle of a quoted cell, or of a letter."""
    text = b'email,firstName\na@example.com,A\nb@example.com,"Zo' + b"\xc3"
    assert told(text, whole=False).mistakes == []


def test_what_stopped_the_file_behind_its_beginning_is_told_too():
    """Its code is that of the refusal."""
    later = BadFile("Row 9000000 alone is larger.", code="record_too_large")
    listed = everything(later, told(b"email,First Name\na@example.com,A\n", whole=False))
    assert [item.code for item in listed] == ["invalid_header", "record_too_large"]
    again = BadFile("Row 1 holds …", code="bad_bytes")
    assert len(everything(again, told(b"email,firstName\na@example.com,Zo\xeb\n"))) == 1


def test_without_marketos_fields_the_header_s_form_is_still_looked_at():
    """Names that are none, and the key."""
    found = told(b"First Name,,First Name\na,b,c\n", fields=None, target=CustomObject("car_c", ("vin",)))
    assert [item.code for item in found.mistakes] == ["blank_column", "duplicate_column", "missing_column"]


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"\xef\xbb\xbf", b'"', b"\r\n\r\n", b"\xff", b"\0", b"sep=;", b"\xff\xfe"]
)
def test_whatever_the_bytes_there_is_an_answer(text: bytes):
    """As many as there are."""
    for whole in (True, False):
        for charset in ("utf-8", "utf-16", "cp932"):
            told(text, whole=whole, charset=charset)
