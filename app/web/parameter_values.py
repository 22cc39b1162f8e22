"""How the text of one parameter is read. Each function raises ValueError with what is wrong, for whoever sent it."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from app.domain.column_maps import map_mistakes
from app.domain.errors import TOLD_DETAILS, quoted
from app.domain.objects import OBJECT_TYPES
from app.terminal import is_harmless
from app.web.values import from_json, whole

NAME_CHARACTERS = 255
MOMENT_CHARACTERS = 40  # of a time, with nine digits of a second and an offset
FIRST_YEAR, LAST_YEAR = 1970, 9998  # what every database and every time zone can hold
RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")

AnyWord = TypeVar("AnyWord", bound=StrEnum)


def object_type_named(text: str) -> str:
    """The object type that a text names, in either case."""
    if text.lower() not in OBJECT_TYPES:
        raise ValueError(f"{quoted(text)} is not one of {', '.join(OBJECT_TYPES)}")
    return text.lower()


def one_of(words: type[AnyWord], text: str) -> AnyWord:
    """The word of these that a text is, in either case."""
    try:
        return words(text.lower())
    except ValueError:
        raise ValueError(f"{quoted(text)} is not one of {', '.join(words)}") from None


def yes_or_no(text: str) -> bool:
    """`true` or `false`, in either case: some clients write `True`."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{quoted(text)} is neither true nor false")
    return text.lower() == "true"


def moment(text: str) -> datetime:
    """An RFC 3339 time."""
    is_short = len(text) <= MOMENT_CHARACTERS
    if is_short and " " in text and RFC3339.fullmatch(text.replace(" ", "+")):
        raise ValueError(f"{text!r} has a blank before its offset; in a query, write + as %2B")
    at = None
    if is_short and RFC3339.fullmatch(text):
        with suppress(ValueError):  # a day or an hour that does not exist
            at = datetime.fromisoformat(text.upper())
    if at is None or not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{quoted(text)} is not a time like 2026-11-23T10:00:00Z, with an offset")
    return at.astimezone(UTC)


def whole_number(text: str, *, least: int, most: int) -> int:
    """A whole number within bounds."""
    number = whole(text, least, most)
    if number is None:
        raise ValueError(f"{quoted(text)} is not a whole number from {least} to {most}")
    return number


def api_name(text: str) -> str:
    """The name by which Marketo's API calls an object or a field."""
    name = _named(text)
    letters = name.replace("_", "a")
    if not letters.replace("-", "a").isalnum() or not letters.isascii() or letters.startswith("-"):
        raise ValueError(f"{quoted(name)} is no API name: those have letters, digits, _ and - only")
    return name


def api_names(text: str) -> tuple[str, ...]:
    return tuple(api_name(name) for name in _named(text).split(",") if name.strip())


def shown_name(text: str) -> str:
    """A name that people gave something in Marketo."""
    name = _named(text)
    if not is_harmless(name):
        raise ValueError("holds a control character; leave it out")
    return name


def _named(text: str) -> str:
    if len(text) > NAME_CHARACTERS:
        raise ValueError(f"is longer than {NAME_CHARACTERS} characters")
    return text.strip()


def plain_text(text: str, *, most: int | None = None) -> str:
    """A text that every database can hold, with so many characters at most."""
    if most is not None and len(text) > most:
        raise ValueError(f"is longer than {most} characters")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a NUL or half a character; leave it out")
    return text


def column_map(text: str, *, most_characters: int) -> dict[str, str | None]:
    """A JSON object of columns, each with the name of a field, or null. It tells all that is wrong with it at once."""
    if len(text) > most_characters:
        raise ValueError(f"is longer than {most_characters} characters")
    try:
        pairs = from_json(text, object_pairs_hook=list)
    except ValueError:
        pairs = None
    if not isinstance(pairs, list) or not text.lstrip().startswith("{"):
        raise ValueError('is not a JSON object of columns and fields, like {"Email Address": "email", "Id": null}')
    if wrong := [name for name, value in pairs if not isinstance(value, str | None)]:
        raise ValueError(f"{quoted(wrong[0])} goes neither into a field, which is a string, nor is it left out (null)")
    names = {plain_text(name): value if value is None else plain_text(value) for name, value in pairs}
    if len(names) < len(pairs):
        raise ValueError("names a column twice")
    if mistakes := map_mistakes(names):
        raise ValueError("; ".join(mistakes[:TOLD_DETAILS]))
    return names


def string_pairs(text: str, *, most: int) -> dict[str, str]:
    """A JSON object of strings."""
    try:
        pairs = from_json(text)
    except ValueError:
        pairs = None
    if not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
        raise ValueError('is not a JSON object of strings, like {"run": "2026-11-23"}')
    if len(pairs) > most:
        raise ValueError(f"has more than {most} pairs")
    return {plain_text(name): plain_text(value) for name, value in pairs.items()}
