"""Which separator a file has, guessed from its beginning."""

import pytest

from app.domain.formats import Format
from app.files.delimiters import first_record, format_of, separator_mistake, separator_of


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        (b"a,b,c\n1,2,3\n", ","),
        (b"a;b;c\n1,5;2,5;3,5\n", ";"),
        (b"a\tb\n1\t2\n", "\t"),
        (b"a|b\n1|2\n", "|"),
        (b'a;b\n"1,2,3";x\n', ";"),
        (b"email\nada@example.com\n", None),
        (b"", None),
        (b'a,b\n1,"never closed', ","),
    ],
)
def test_the_separator_is_the_one_that_makes_the_most_even_table(text: bytes, separator: str | None):
    """A comma inside of quotes, or in a few cells only, is none; one column has none."""
    assert separator_of(text) == separator


def test_a_separator_has_the_format_that_marketo_takes_or_none():
    """Bars are not among them."""
    assert [format_of(separator) for separator in ",\t;|"] == [Format.CSV, Format.TSV, Format.SSV, None]


def test_the_mistake_names_the_parameter_that_mends_it():
    """Where no parameter does, it says what to write instead."""
    mistake = separator_mistake(";", ",")
    assert (mistake.code, mistake.field, mistake.say) == ("missing_column", "format", "format=ssv")
    assert "separated by semicolons, not by commas" in mistake.message
    bars = separator_mistake("|", ",")
    assert (bars.field, bars.say) == ("format", "")
    assert "`|`" in bars.message
    assert "Write the file with one of these" in bars.message


def test_the_first_record_may_have_lines_within_quotes():
    """Where the text ends within it, it is the first line."""
    assert first_record(b'"a\nb",c\n1,2\n', ",") == b'"a\nb",c\n'
    assert first_record(b"a,b", ",") == b"a,b"
    assert first_record(b'"a\nb', ",") == b'"a\n'
    assert first_record(b"", ",") == b""
