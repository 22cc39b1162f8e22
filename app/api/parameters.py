"""The parameters of an import, from query and form fields to a Request. All mistakes are told at once."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar, assert_never

from app.api.values import from_json, whole
from app.domain import objects
from app.domain.errors import MOST_ERRORS, BadParameter, Detail, in_one_sentence, quoted
from app.domain.imports import DEFAULT_PRIORITY, HIGHEST_PRIORITY, Format, OnUnconfirmed, Preflight, Request
from app.domain.objects import OBJECT_TYPES, Target, ValueKind, default_object_type
from app.terminal import is_harmless

INT32 = 2**31 - 1  # Marketo's ids. Adobe, "Bulk lead import", read 2026-08
LABEL_CHARACTERS = 200
NAME_CHARACTERS = 255
MOMENT_CHARACTERS = 40  # of a time, with nine digits of a second and an offset
NEAREST_FOR = 10  # of the names that are not known get the nearest that is
CHARSET_CHARACTERS = 40
FIRST_YEAR, LAST_YEAR = 1970, 9998  # what every database and every time zone can hold
METADATA_PAIRS = 16
RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of an import, as it is published: for whom, of which form (JSON Schema), and what it means."""

    form: dict[str, Any]
    means: str
    of: str | None = None  # an object type; None: of every import
    required: bool = False

    @property
    def default(self) -> Any:
        return self.form.get("default")


def _word(words: type[StrEnum], default: StrEnum) -> dict[str, Any]:
    return {"type": "string", "enum": list(words), "default": default}


def _text(most: int = NAME_CHARACTERS, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": most} | more


YEARS = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-"
TIME = {"type": "string", "format": "date-time", "pattern": YEARS, "examples": ["2026-11-23T10:00:00Z"]}
MARKETO_ID = {"type": "integer", "minimum": 1, "maximum": INT32}
API_NAME = "^[A-Za-z0-9_][A-Za-z0-9_-]*$"  # of an object or a field: it becomes part of a path, or a column
API_NAMES = "^ *[A-Za-z0-9_][A-Za-z0-9_-]*( *, *[A-Za-z0-9_][A-Za-z0-9_-]*)* *$"
PAIRS = {"type": "object", "maxProperties": METADATA_PAIRS, "additionalProperties": {"type": "string"}}


def _form_of(parameter: objects.Parameter) -> dict[str, Any]:
    """The form of an object type's parameter; how it is read, `_reader_of` says."""
    match parameter.kind:
        case ValueKind.TEXT:
            return _text(**({"minLength": 1} if parameter.required else {}))
        case ValueKind.FIELD:
            return _text(**({"default": parameter.default} if parameter.default else {}), pattern=API_NAME)
        case ValueKind.API_NAME:
            return _text(pattern=API_NAME)
        case ValueKind.API_NAMES:
            return _text(pattern=API_NAMES)
        case ValueKind.MARKETO_ID:
            return MARKETO_ID
        case _:
            assert_never(parameter.kind)


OBJECT_TYPE = {"type": "string", "enum": list(OBJECT_TYPES)}
PARAMETERS = {
    "object_type": Parameter(OBJECT_TYPE | {"default": default_object_type()}, "what the rows become"),
    "instance": Parameter(_text(default="default"), "which configured Marketo instance"),
    "format": Parameter(_word(Format, Format.CSV), "comma, tab or semicolon between the cells"),
    "charset": Parameter(
        _text(CHARSET_CHARACTERS, default="utf-8"),
        "the file's character set; it is sent to Marketo as UTF-8, without a byte order mark",
    ),
    **{
        name: Parameter(_form_of(one), one.means, kind.object_type, required=one.required)
        for kind in OBJECT_TYPES.values()
        for name, one in kind.parameters().items()
    },
    "priority": Parameter(
        {"type": "integer", "minimum": 0, "maximum": HIGHEST_PRIORITY, "default": DEFAULT_PRIORITY},
        "higher first; within one priority, first come first served; what waits long rises",
    ),
    "not_before": Parameter(TIME, "do not send to Marketo before this time"),
    "preflight": Parameter(
        _word(Preflight, Preflight.HEADER), "what is held against Marketo's fields before anything is sent"
    ),
    "on_unconfirmed": Parameter(
        _word(OnUnconfirmed, OnUnconfirmed.RESUBMIT), "what to do when Marketo's answer to a submission was lost"
    ),
    "label": Parameter(_text(LABEL_CHARACTERS), "free text"),
    "metadata": Parameter(PAIRS, "a JSON object of strings, returned as it came"),
}
KNOWN = tuple(PARAMETERS)


def only(given: Iterable[str], known: Iterable[str]) -> list[Detail]:
    """A complaint for each name that is not known; the first few with the nearest one that is."""
    known = list(known)
    listed = f"Known: {', '.join(known)}." if known else "This takes no parameters."
    strange = [name for name in dict.fromkeys(given) if name not in known]
    told = strange[:MOST_ERRORS]
    meant = [_meant(name, known) or listed for name in told[:NEAREST_FOR]]
    meant += [listed] * (len(told) - len(meant))
    complaints = [
        Detail(f"there is no parameter {quoted(name)}. {what}", field=name[:NAME_CHARACTERS])
        for name, what in zip(told, meant, strict=True)
    ]
    return complaints + [Detail(listed)] * (len(strange) - len(told))  # are counted, and not told


def _meant(name: str, known: list[str]) -> str | None:
    """To compare two names takes a time that goes with both their lengths."""
    near = difflib.get_close_matches(name, known, 1) if len(name) <= NAME_CHARACTERS else []
    return f"Did you mean {near[0]!r}?" if near else None


def refuse(details: list[Detail]) -> None:
    """Errors: BadParameter, where there is anything to complain of."""
    if details:
        raise BadParameter(in_one_sentence(details), details=tuple(details))


def merged(query: Iterable[tuple[str, str]], fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Query and form fields as one. Errors: BadParameter where a name has two different values."""
    found: dict[str, str] = {}
    for name, value in [*query, *fields]:
        if found.setdefault(name, value) != value:
            twice = f"is given twice, as {quoted(found[name])} and as {quoted(value)}; send it once"
            refuse([Detail(twice, field=name[:NAME_CHARACTERS])])
    return found


def request_from(
    given: Mapping[str, str], *, file_name: str | None, client: str, max_priority: int = HIGHEST_PRIORITY
) -> Request:
    """Errors: BadParameter, with a detail for each mistake; priority_too_high, above the highest of the caller's key.

    Where no priority is given, and the default one is too high, it is the key's highest.
    """
    read = _Reader(given)
    object_type = read.value("object_type", object_type_named, default_object_type())
    request = Request(
        target=_target(read, object_type),
        instance=(read.text("instance") or "default").lower(),
        client=client,
        format=read.word("format", Format, Format.CSV),
        charset=read.text("charset", CHARSET_CHARACTERS) or "utf-8",
        priority=read.number("priority", 0, HIGHEST_PRIORITY, min(DEFAULT_PRIORITY, max_priority)),
        not_before=read.value("not_before", moment, None),
        preflight=read.word("preflight", Preflight, Preflight.HEADER),
        on_unconfirmed=read.word("on_unconfirmed", OnUnconfirmed, OnUnconfirmed.RESUBMIT),
        label=read.text("label", LABEL_CHARACTERS),
        metadata=read.value("metadata", _metadata, None),
        file_name=file_name,
    )
    refuse(only(given, KNOWN) + read.mistakes)
    if request.priority > max_priority:
        message = f"this key's imports may have a priority from 0 to {max_priority}, and not {request.priority}"
        raise BadParameter(
            f"priority: {message}", code="priority_too_high", details=(Detail(message, field="priority"),)
        )
    return request


def _target(read: "_Reader", object_type: str) -> Target:
    for name, known in PARAMETERS.items():
        if name in read.given and known.of not in {None, object_type}:
            read.mistakes.append(Detail(f"is for object_type {known.of}; this import's is {object_type}", field=name))
    kind = OBJECT_TYPES[object_type]
    values = {}
    for name, parameter in kind.parameters().items():
        reader = _reader_of(parameter.kind)
        values[name] = read.needed(name, reader) if parameter.required else read.value(name, reader, parameter.default)
    return kind(**values)


def _reader_of(kind: ValueKind) -> Callable[[str], Any]:
    """What reads a value. Each raises ValueError."""
    match kind:
        case ValueKind.TEXT:
            return lambda text: shown_name(text) or None
        case ValueKind.FIELD:
            return shown_name
        case ValueKind.API_NAME:
            return api_name
        case ValueKind.API_NAMES:
            return _api_names
        case ValueKind.MARKETO_ID:
            return partial(_whole_number, least=1, most=INT32)
        case _:
            assert_never(kind)


class _Reader:
    """Reads values and keeps the mistakes, so that a caller hears of all of them at once."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.mistakes: list[Detail] = []

    def value(self, name: str, read: Callable[[str], Any], default: Any) -> Any:
        text = self.given.get(name)
        if text is None or text == "":
            return default
        try:
            return read(text)
        except ValueError as mistake:
            self.mistakes.append(Detail(str(mistake), field=name))
            return default

    def needed(self, name: str, read: Callable[[str], Any]) -> Any:
        if not self.given.get(name, "").strip():
            self.mistakes.append(Detail(f"is required for object_type {PARAMETERS[name].of}", field=name))
            return ""
        return self.value(name, read, "")

    def text(self, name: str, most: int = NAME_CHARACTERS) -> str | None:
        """None where it is not given, or empty."""

        def read(text: str) -> str:
            if len(text) > most:
                raise ValueError(f"is longer than {most} characters")
            return plain_text(text)

        found: str | None = self.value(name, read, None)
        return found

    def word(self, name: str, words: type[Word], default: Word) -> Word:
        found: Word = self.value(name, partial(one_of, words), default)
        return found

    def number(self, name: str, least: int, most: int, default: Any) -> Any:
        return self.value(name, partial(_whole_number, least=least, most=most), default)


def object_type_named(text: str) -> str:
    """The object type that a text names, in either case. Errors: ValueError."""
    if text.lower() not in OBJECT_TYPES:
        raise ValueError(f"{quoted(text)} is not one of {', '.join(OBJECT_TYPES)}")
    return text.lower()


def one_of(words: type[Word], text: str) -> Word:
    """The word of these that a text is, in either case. Errors: ValueError."""
    try:
        return words(text.lower())
    except ValueError:
        raise ValueError(f"{quoted(text)} is not one of {', '.join(words)}") from None


def moment(text: str) -> datetime:
    """An RFC 3339 time. Errors: ValueError."""
    short = len(text) <= MOMENT_CHARACTERS
    if short and " " in text and RFC3339.fullmatch(text.replace(" ", "+")):
        raise ValueError(f"{text!r} has a blank before its offset; in a query, write + as %2B")
    found = None
    if short and RFC3339.fullmatch(text):
        with suppress(ValueError):  # a day or an hour that there is not
            found = datetime.fromisoformat(text.upper())
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{quoted(text)} is not a time like 2026-11-23T10:00:00Z, with an offset")
    return found.astimezone(UTC)


def _whole_number(text: str, *, least: int, most: int) -> int:
    number = whole(text, least, most)
    if number is None:
        raise ValueError(f"{quoted(text)} is not a whole number from {least} to {most}")
    return number


def api_name(text: str) -> str:
    """The name by which Marketo's API calls an object or a field. Errors: ValueError."""
    name = _named(text)
    bare = name.replace("_", "a")
    if not bare.replace("-", "a").isalnum() or not bare.isascii() or bare.startswith("-"):
        raise ValueError(f"{quoted(name)} is no API name: those have letters, digits, _ and - only")
    return name


def _api_names(text: str) -> tuple[str, ...]:
    return tuple(api_name(name) for name in _named(text).split(",") if name.strip())


def shown_name(text: str) -> str:
    """A name that people gave something in Marketo. Errors: ValueError."""
    name = _named(text)
    if not is_harmless(name):
        raise ValueError("holds a control character; leave it out")
    return name


def _named(text: str) -> str:
    if len(text) > NAME_CHARACTERS:
        raise ValueError(f"is longer than {NAME_CHARACTERS} characters")
    return text.strip()


def plain_text(text: str) -> str:
    """A text that every database can hold. Errors: ValueError."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a NUL or half a character; leave it out")
    return text


def _metadata(text: str) -> dict[str, str]:
    try:
        found = from_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError('is not a JSON object of strings, like {"run": "2026-11-23"}')
    if len(found) > METADATA_PAIRS:
        raise ValueError(f"has more than {METADATA_PAIRS} pairs")
    return {plain_text(name): plain_text(value) for name, value in found.items()}
