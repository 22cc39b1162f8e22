"""What can be told of a file before it is sent: its header, and its cells, held against Marketo's describe."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime

from app.domain.answers import Description, Field
from app.domain.errors import Detail
from app.domain.imports import CustomObject, Target, key_columns

TEXT_BYTES = 30_000  # of a text area. Adobe, "Field types", read 2026-08
EMAIL = re.compile(r"[!-?A-~]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")  # ASCII only. Adobe, "Leads", read 2026-08
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HAVE_A_FORM = frozenset({"integer", "score", "percent", "float", "currency", "boolean", "date", "datetime", "email"})
FORM_CHARACTERS = 1000  # of a number, a time or an address: a longer cell is none, and is not looked at any further
TWINS = str.maketrans("аеорсухіѕјԁһАВЕКМНОРСТХαερουικνΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", "aeopcyxisjdhabekmhopctxaepouikvabehikmnoptxyz")
"""Cyrillic and Greek letters that look like Latin ones."""


NEAREST_FOR = 20  # columns get the nearest right name: to look for it takes a while, and more of it helps nobody


def header_mistakes(columns: Sequence[str], described: Description, target: Target) -> list[Detail]:
    """A complaint for each column that Marketo would reject, or would leave out without a word."""
    fields = {field.name: field for field in described.fields}
    lax = {} if isinstance(target, CustomObject) else {name.lower(): field for name, field in fields.items()}
    keys = {name.lower() for name in key_columns(target)}
    names = _Names(described)
    found: list[Detail] = []
    for column in columns:
        field = fields.get(column) or lax.get(column.lower())
        if column.lower() in keys:
            continue  # Marketo looks records up by fields that it lets nobody write, or even see: `id`, `cookies`
        if field is None:
            meant = names.meant_by(column) if len(found) < NEAREST_FOR else ""
            found.append(Detail(f"Marketo has no field {column!r}.{meant}", field=column))
        elif not field.writable:
            found.append(Detail(f"Marketo lets nobody write {column!r}. Leave the column out.", field=column))
    return found


class _Names:
    """The right names, by what people see as well as by what a header has to say."""

    def __init__(self, described: Description) -> None:
        spelt = [(spelling, field.name) for field in described.fields for spelling in (field.display_name, field.name)]
        self._plain = {_plain(spelling): name for spelling, name in spelt if spelling}

    def meant_by(self, column: str) -> str:
        plain = _plain(column)
        near = [plain] if plain in self._plain else difflib.get_close_matches(plain, self._plain, 1)
        if not near:
            return ""
        hidden = " It has letters of another alphabet, or some that cannot be seen." if _is_disguised(column) else ""
        return f" Did you mean {self._plain[near[0]]!r}?{hidden}"


def _plain(name: str) -> str:
    """A name without what the eye does not tell apart."""
    seen = unicodedata.normalize("NFKC", name).translate(TWINS).casefold()
    return "".join(letter for letter in seen if letter.isalnum())


def _is_disguised(name: str) -> bool:
    return any(unicodedata.category(letter) == "Cf" for letter in name) or name.translate(TWINS) != name


def complaint(field: Field, cell: str) -> str | None:
    """What Marketo would reject or remark upon in a cell; None for one that is fine. A blank one is no mistake."""
    fault = _fault(field, cell) if cell else None
    return f"{field.name} {fault}" if fault else None


def _fault(field: Field, cell: str) -> str | None:
    if field.type in HAVE_A_FORM and len(cell) > FORM_CHARACTERS:
        return f"has {len(cell)} characters, too many for a field of the type {field.type}"
    match field.type:
        case "integer" | "score" | "percent" if not WHOLE.fullmatch(cell):
            return "is not a whole number"
        case "float" | "currency" if not DECIMAL.fullmatch(cell):
            return "is not a number"
        case "boolean" if cell.lower() not in {"true", "false"}:
            return "is neither true nor false"
        case "date" if not (DATE.fullmatch(cell) and _parses(date.fromisoformat, cell)):
            return "is not a date like 2026-11-23"
        case "datetime" if not _parses(datetime.fromisoformat, cell):
            return "is not a time like 2026-11-23T10:00:00-05:00"
        case "email" if not EMAIL.fullmatch(cell):
            return "is not an email address"
        case "text" if len(cell.encode()) > TEXT_BYTES:
            return f"is longer than {TEXT_BYTES} bytes"
    return f"is longer than {field.length} characters" if field.length and len(cell) > field.length else None


def _parses(read: Callable[[str], object], cell: str) -> bool:
    try:
        read(cell)
    except ValueError:
        return False
    return True
