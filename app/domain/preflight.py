"""Pre-flight: a file's header and cells are checked against Marketo's describe before anything is sent."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.answers import Description, Field
from app.domain.errors import Detail, quoted
from app.domain.objects import Target

TEXT_BYTES = 30_000  # of a text area. Adobe, "Field types", read 2026-08
EMAIL = re.compile(r"[!-?A-~]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")  # ASCII only. Adobe, "Leads", read 2026-08
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FORM_TYPES = frozenset({"integer", "score", "percent", "float", "currency", "boolean", "date", "datetime", "email"})
FORM_CHARACTERS = 1000  # the longest cell that is tried as a number, a time or an address
TWINS = str.maketrans("аеорсухіѕјԁһАВЕКМНОРСТХαερουικνΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", "aeopcyxisjdhabekmhopctxaepouikvabehikmnoptxyz")
"""Cyrillic and Greek letters that look like Latin ones."""


LONGEST_NAME = 255  # letters; Marketo's fields have shorter names
MOST_COMPARED = 200  # names with which one is compared: that is slow
NEAREST_FOR = 20  # unknown columns of a header that get a suggestion: the search is slow, and more help nobody


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file, and the field at Marketo that it goes into."""

    name: str
    field: str | None = None
    data_type: str | None = None
    mistake: str | None = None  # why Marketo would reject the column, or silently leave it out
    suggestion: str | None = None  # the name that was probably meant


def columns_of(columns: Sequence[str], described: Description, target: Target) -> list[Column]:
    """The field that each column of a header goes into, and what is wrong with the column."""
    fields = {field.name: field for field in described.fields}
    in_lower_case = {} if target.column_case_matters else {name.lower(): field for name, field in fields.items()}
    keys = {name.lower() for name in target.key_columns}
    names = Names(described)
    result: list[Column] = []
    unknown = 0
    for column in columns:
        field = fields.get(column) or in_lower_case.get(column.lower())
        if column.lower() in keys:
            # Marketo looks records up by fields that it lets nobody write, or even see: `id`, `cookies`
            result.append(Column(column, field.name if field else column, field.type if field else None))
        elif field is None:
            right = names.right_name(column) if unknown < NEAREST_FOR else None
            unknown += 1
            meant = f" Did you mean {right!r}?{why_unlike(column)}" if right else ""
            result.append(Column(column, mistake=f"Marketo has no field {quoted(column)}.{meant}", suggestion=right))
        elif not field.writable:
            mistake = f"Marketo lets nobody write {quoted(column)}. Leave the column out."
            result.append(Column(column, field.name, field.type, mistake))
        else:
            result.append(Column(column, field.name, field.type))
    return result


def header_mistakes(columns: Sequence[str], described: Description, target: Target) -> list[Detail]:
    """A detail for each column that Marketo would reject, or would silently leave out."""
    described_columns = columns_of(columns, described, target)
    return [Detail(column.mistake, field=column.name) for column in described_columns if column.mistake]


class Names:
    """Finds the right name for a column that was called by a display name or by a similar name."""

    def __init__(self, described: Description, *beside: str) -> None:
        """`beside`: names that are right although they are not described."""
        spelt = [(spelling, field.name) for field in described.fields for spelling in (field.display_name, field.name)]
        spelt += [(name, name) for name in beside]
        self._plain = {_plain(spelling): name for spelling, name in spelt if spelling}

    def right_name(self, column: str) -> str | None:
        """The nearest right name; None where no name is near."""
        if len(column) > LONGEST_NAME:
            return None
        plain = _plain(column)
        near = [plain] if plain in self._plain else difflib.get_close_matches(plain, self._plain, 1)
        return self._plain[near[0]] if near else None


def nearest_name(name: str, others: Sequence[str]) -> str | None:
    """That of the others which is most like it; None where none is."""
    near = difflib.get_close_matches(name, others[:MOST_COMPARED], 1) if len(name) <= LONGEST_NAME else []
    return near[0] if near else None


def why_unlike(column: str) -> str:
    """A sentence on what the eye cannot see of a name; empty where there is nothing."""
    return " It has letters of another alphabet, or some that cannot be seen." if _is_disguised(column) else ""


def _plain(name: str) -> str:
    """A form of a name in which names that look alike are equal."""
    seen = unicodedata.normalize("NFKC", name).translate(TWINS).casefold()
    return "".join(letter for letter in seen if letter.isalnum())


def _is_disguised(name: str) -> bool:
    return any(unicodedata.category(letter) == "Cf" for letter in name) or name.translate(TWINS) != name


def complaint(field: Field, cell: str) -> str | None:
    """What Marketo would reject or warn of in a cell; None for a cell that is fine. A blank cell is fine."""
    fault = _fault(field, cell) if cell else None
    return f"{field.name} {fault}" if fault else None


def is_a_value(cell: str) -> bool:
    """Whether a cell is a number, a date or an address, and so cannot be the name of a column."""
    if len(cell) > FORM_CHARACTERS:
        return False
    return any(form.fullmatch(cell.strip()) for form in (DECIMAL, DATE, EMAIL))


def _fault(field: Field, cell: str) -> str | None:
    if field.type in FORM_TYPES and len(cell) > FORM_CHARACTERS:
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
