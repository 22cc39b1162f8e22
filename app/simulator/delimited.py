"""Delimited files: csv, tsv and ssv in; Marketo's exact form of them out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.simulator.answers import Refusal

# Adobe, "Bulk import", File format, read 2026-08: ssv is separated by semicolons.
DELIMITERS = {"csv": ",", "tsv": "\t", "ssv": ";"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's header and its rows, as written; blank lines are no rows."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str


def read_sheet(content: bytes, delimiter: str) -> Sheet:
    """A byte order mark is kept: Marketo takes it for a part of the first header (seen 2022)."""
    text = content.decode("utf-8", "replace")
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as broken:
        raise Refusal("1003", "Invalid data") from broken
    if not lines:
        raise Refusal("1003", "Empty file")
    return Sheet(lines[0], lines[1:], delimiter)


def write_sheet(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    """LF line ends, a newline at the end, quotes only where needed, no byte order mark."""
    special = {delimiter, '"', "\n", "\r"}

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if not special.isdisjoint(text) else text

    return "".join(delimiter.join(map(cell, row)) + "\n" for row in (header, *rows)).encode()
