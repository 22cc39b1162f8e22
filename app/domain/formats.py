"""File formats: delimited text, told apart by what stands between the cells. A further one is a line here."""

from enum import StrEnum
from typing import NamedTuple


class _Traits(NamedTuple):
    delimiter: str
    media_type: str
    suffixes: tuple[str, ...]  # of file names


class Format(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    SSV = "ssv"

    @property
    def delimiter(self) -> str:
        return _TRAITS[self].delimiter

    @property
    def media_type(self) -> str:
        """The one in which files of this format are sent. Semicolons have none of their own."""
        return _TRAITS[self].media_type

    @classmethod
    def of_media_type(cls, media_type: str) -> "Format | None":
        """The format that a media type leaves no doubt about: text/csv is also said of other delimiters."""
        owners = [format_ for format_ in cls if format_.media_type == media_type and media_type != "text/csv"]
        return owners[0] if owners else None

    @classmethod
    def of_suffix(cls, suffix: str) -> "Format | None":
        """The format of a file whose name ends like `.csv`, in lower case."""
        return next((format_ for format_ in cls if suffix in _TRAITS[format_].suffixes), None)


_TRAITS = {
    Format.CSV: _Traits(",", "text/csv", (".csv",)),
    Format.TSV: _Traits("\t", "text/tab-separated-values", (".tsv", ".tab")),
    Format.SSV: _Traits(";", "text/csv", (".ssv",)),
}
