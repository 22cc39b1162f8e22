"""The parameters of an import: how they are published, and how a Request is read from them.

They are declared in app/domain: the parameters of every import on the fields of `Request`, those of an object type on
its target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never

from app.api.parameter_names import only, refuse
from app.api.parameter_values import (
    NAME_CHARACTERS,
    api_name,
    api_names,
    moment,
    object_type_named,
    one_of,
    plain_text,
    shown_name,
    string_pairs,
    whole_number,
)
from app.domain import objects
from app.domain.errors import BadParameter, Detail
from app.domain.imports import DEFAULT_PRIORITY, HIGHEST_PRIORITY, REQUEST_PARAMETERS, Request
from app.domain.objects import OBJECT_TYPES, Target, ValueKind, default_object_type
from app.domain.request_parameters import Moment, RequestParameter, StringPairs, Text, ValueForm, WholeNumber, Word

INT32 = 2**31 - 1  # Marketo's ids. Adobe, "Bulk lead import", read 2026-08


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it is published."""

    form: dict[str, Any]  # JSON Schema
    means: str
    of: str | None = None  # an object type; None: of every import
    required: bool = False

    @property
    def default(self) -> Any:
        return self.form.get("default")


def _text(most: int = NAME_CHARACTERS, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": most} | more


YEARS = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-"
TIME = {"type": "string", "format": "date-time", "pattern": YEARS, "examples": ["2026-11-23T10:00:00Z"]}
MARKETO_ID = {"type": "integer", "minimum": 1, "maximum": INT32}
API_NAME = "^[A-Za-z0-9_][A-Za-z0-9_-]*$"  # of an object or a field: it becomes part of a path, or a column
API_NAMES = "^ *[A-Za-z0-9_][A-Za-z0-9_-]*( *, *[A-Za-z0-9_][A-Za-z0-9_-]*)* *$"


def _schema(parameter: RequestParameter) -> dict[str, Any]:
    """The JSON Schema of a parameter of every import."""
    default = {} if parameter.default is None else {"default": parameter.default}
    match parameter.form:
        case Text(most_characters=most):
            return _text(most) | default
        case WholeNumber(least=least, most=most):
            return {"type": "integer", "minimum": least, "maximum": most} | default
        case Word(words=words):
            return {"type": "string", "enum": list(words)} | default
        case Moment():
            return TIME
        case StringPairs(most_pairs=most):
            return {"type": "object", "maxProperties": most, "additionalProperties": {"type": "string"}}
        case _:
            assert_never(parameter.form)


def _target_schema(parameter: objects.Parameter) -> dict[str, Any]:
    """The JSON Schema of an object type's parameter."""
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


def _published(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(_schema(REQUEST_PARAMETERS[name]), REQUEST_PARAMETERS[name].means) for name in names}


OBJECT_TYPE = {"type": "string", "enum": list(OBJECT_TYPES)}
PARAMETERS = {
    "object_type": Parameter(OBJECT_TYPE | {"default": default_object_type()}, "what the rows become"),
    **_published("instance", "format", "charset"),
    **{
        name: Parameter(_target_schema(declared), declared.means, kind.object_type, required=declared.required)
        for kind in OBJECT_TYPES.values()
        for name, declared in kind.parameters().items()
    },
    **_published("priority", "not_before", "preflight", "on_unconfirmed", "label", "metadata"),
}
KNOWN = tuple(PARAMETERS)


def request_from(
    parameters: Mapping[str, str], *, file_name: str | None, client: str, max_priority: int = HIGHEST_PRIORITY
) -> Request:
    """The request that these parameters describe, for a file of this name and for this client.

    Errors: BadParameter, with a detail for each mistake; priority_too_high, above the highest of the caller's key.

    Where no priority is stated, and the default one is higher than the key's highest, it is the key's highest.
    """
    read = _Reader(parameters)
    object_type = read.value("object_type", object_type_named, default_object_type())
    target = _target(read, object_type)
    values = {
        name: read.value(name, _reader_for(parameter.form), parameter.default)
        for name, parameter in REQUEST_PARAMETERS.items()
    }
    values["instance"] = values["instance"].lower()
    if not parameters.get("priority"):
        values["priority"] = min(DEFAULT_PRIORITY, max_priority)
    request = Request(target=target, client=client, file_name=file_name, **values)
    refuse(only(parameters, KNOWN) + read.mistakes)
    if request.priority > max_priority:
        message = f"this key's imports may have a priority from 0 to {max_priority}, and not {request.priority}"
        raise BadParameter(
            f"priority: {message}", code="priority_too_high", details=(Detail(message, field="priority"),)
        )
    return request


def _target(read: "_Reader", object_type: str) -> Target:
    """What the rows become. Notes a mistake for each parameter of another object type."""
    for name, declared in PARAMETERS.items():
        if name in read.parameters and declared.of not in {None, object_type}:
            message = f"is for object_type {declared.of}; this import's is {object_type}"
            read.mistakes.append(Detail(message, field=name))
    kind = OBJECT_TYPES[object_type]
    values = {}
    for name, parameter in kind.parameters().items():
        reader = _reader_of(parameter.kind)
        values[name] = read.needed(name, reader) if parameter.required else read.value(name, reader, parameter.default)
    return kind(**values)


def _reader_for(form: ValueForm) -> Callable[[str], Any]:
    """What reads the value of a parameter of every import. It raises ValueError."""
    match form:
        case Text(most_characters=most):
            return partial(plain_text, most=most)
        case WholeNumber(least=least, most=most):
            return partial(whole_number, least=least, most=most)
        case Word(words=words):
            return partial(one_of, words)
        case Moment():
            return moment
        case StringPairs(most_pairs=most):
            return partial(string_pairs, most=most)
        case _:
            assert_never(form)


def _reader_of(kind: ValueKind) -> Callable[[str], Any]:
    """What reads the value of an object type's parameter. It raises ValueError."""
    match kind:
        case ValueKind.TEXT:
            return lambda text: shown_name(text) or None
        case ValueKind.FIELD:
            return shown_name
        case ValueKind.API_NAME:
            return api_name
        case ValueKind.API_NAMES:
            return api_names
        case ValueKind.MARKETO_ID:
            return partial(whole_number, least=1, most=INT32)
        case _:
            assert_never(kind)


class _Reader:
    """Reads values and keeps the mistakes, so that a caller hears of all of them at once."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = parameters
        self.mistakes: list[Detail] = []

    def value(self, name: str, read: Callable[[str], Any], default: Any) -> Any:
        text = self.parameters.get(name)
        if text is None or text == "":
            return default
        try:
            return read(text)
        except ValueError as mistake:
            self.mistakes.append(Detail(str(mistake), field=name))
            return default

    def needed(self, name: str, read: Callable[[str], Any]) -> Any:
        if not self.parameters.get(name, "").strip():
            self.mistakes.append(Detail(f"is required for object_type {PARAMETERS[name].of}", field=name))
            return ""
        return self.value(name, read, "")
