"""What a fault makes of a failures or warnings file. Each was seen in public reports by people who do this job."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable

from app.simulator.delimited import write_sheet

_CHANGES: dict[str, Callable[[str], str]] = {
    "lower_case": str.lower,
    "blanks": lambda cell: re.sub(" +", " ", cell),
    "no_break_space": lambda cell: cell.replace(" ", "\u00a0"),
    "normal_form": lambda cell: unicodedata.normalize("NFD", cell),
    "decimal": lambda cell: f"{cell}.0" if cell.isdigit() else cell,
    "null": lambda cell: cell or "null",
    "date": lambda cell: re.sub(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", r"\2/\3/\1", cell),
    "cut": lambda cell: cell[: max(1, 2 * len(cell) // 3)],
    "question_mark": lambda cell: cell if cell.isascii() else cell.encode("ascii", "replace").decode(),
}
CHANGES = tuple(_CHANGES)
_KEEP_KEYS = ("lower_case", "blanks", "no_break_space", "normal_form", "decimal")
_PAGE = b"<html><head><title>Sorry</title></head><body>Scheduled maintenance</body></html>\n"


def corrupt_file(kind: str, content: bytes, keys: tuple[str, ...], changes: str | None) -> bytes:
    """The file after the fault, under the same content type. `changes`: some of CHANGES, separated by commas."""
    match kind:
        case "unquoted_file":
            header, rows, delimiter = _read(content)
            return "".join(f"{delimiter.join(row)}\n" for row in (header, *rows)).encode()
        case "changed_file":
            return _changed(content, keys, changes)
        case "odd_bytes_file":
            return _latin(content)
        case "stray_quote_file":
            first, _, behind = content.partition(b"\n")
            return first + b"\n" + re.sub(rb"^([^,;\t\n]*[,;\t])", rb'\1"', behind, count=1)
        case "cut_off_file":
            return content[: len(content) - 1 - len(content.splitlines()[-1]) // 2]
        case "html_file":
            return _PAGE
        case "json_file":
            return b'{"requestId":"e42b#14272d07d78","success":true,"result":[]}'
        case "garbled_file":
            return content[: len(content) // 2] + b"\xff\xfe\x00<html>"
        case _:
            return content


def _changed(content: bytes, keys: tuple[str, ...], changes: str | None) -> bytes:
    """One change after the other goes over the cells; if all of them do, a key keeps what it is found by."""
    names = [name.strip() for name in changes.split(",")] if changes else list(CHANGES)
    header, rows, delimiter = _read(content)
    of_keys = {at for at, name in enumerate(header) if name.strip().lower() in {key.lower() for key in keys}}
    turn = 0
    for row in rows:
        for at in range(len(row) - 1):
            possible = [name for name in names if name in _KEEP_KEYS] if at in of_keys and not changes else names
            row[at] = _CHANGES[possible[turn % len(possible)]](row[at])
            turn += 1
    return write_sheet(header, rows, delimiter)


def _latin(content: bytes) -> bytes:
    """Letters of Latin-1 as one byte each; where there is none, one byte more."""
    latin = b"".join(letter.encode("latin-1" if "\x80" <= letter <= "\xff" else "utf-8") for letter in content.decode())
    if latin != content:
        return latin
    header, _, rest = content.partition(b"\n")
    return header + b"\n" + re.sub(rb"([,;\t])", b"\xe9\\1", rest, count=2)


def _read(content: bytes) -> tuple[list[str], list[list[str]], str]:
    """(header, rows, delimiter): the last column's name begins with `Import`, and the delimiter stands before it."""
    text = content.decode()
    delimiter = text[text.index("Import ") - 1]
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return header, rows, delimiter
