"""File formats: what names a format, and what does not."""

import pytest

from app.domain.formats import Format


@pytest.mark.parametrize(("suffix", "format_"), [(".csv", "csv"), (".tsv", "tsv"), (".tab", "tsv"), (".ssv", "ssv")])
def test_a_suffix_names_a_format(suffix: str, format_: str):
    """Marketo's own suffixes, and what spreadsheets call a file with tabs."""
    assert Format.of_suffix(suffix) == format_


@pytest.mark.parametrize("suffix", ["", ".txt", ".xlsx", ".CSV"])
def test_any_other_suffix_names_none(suffix: str):
    """The caller lowers it."""
    assert Format.of_suffix(suffix) is None


def test_a_media_type_names_a_format_only_where_no_other_is_sent_as_the_same():
    """text/csv is said of commas and of semicolons."""
    assert Format.of_media_type("text/tab-separated-values") == "tsv"
    assert Format.of_media_type("text/csv") is None
    assert Format.of_media_type("application/octet-stream") is None


def test_the_delimiters():
    """One character each."""
    assert [format_.delimiter for format_ in Format] == [",", "\t", ";"]
