"""Reads the request for an import from its parameters, whether query or form fields. All mistakes are told at once."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

from app.domain.errors import BadParameter, Detail
from app.domain.imports import DEFAULT_PRIORITY, HIGHEST_PRIORITY, REQUEST_PARAMETERS, Request
from app.domain.objects import OBJECT_TYPES, Target, ValueKind, default_object_type
from app.domain.request_parameters import ColumnNames, Moment, StringPairs, Text, ValueForm, WholeNumber, Word, YesOrNo
from app.web.import_parameters import INT32, KNOWN, OF_TYPE
from app.web.parameter_names import only, refuse
from app.web.parameter_values import (
    api_name,
    api_names,
    column_map,
    moment,
    object_type_named,
    one_of,
    plain_text,
    shown_name,
    string_pairs,
    whole_number,
    yes_or_no,
)


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
    for name, of in OF_TYPE.items():
        if read.parameters.get(name) and of != object_type:
            message = f"is for object_type {of}; this import's is {object_type}"
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
        case ColumnNames(most_characters=most):
            return partial(column_map, most_characters=most)
        case Moment():
            return moment
        case YesOrNo():
            return yes_or_no
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
            self.mistakes.append(Detail(f"is required for object_type {OF_TYPE[name]}", field=name))
            return ""
        return self.value(name, read, "")
