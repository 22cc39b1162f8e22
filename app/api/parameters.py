"""The parameters of an import as they are published: in the document, on Marketo's own paths and in docs/api.md.

They are declared in app/domain: the parameters of every import on the fields of `Request`, those of an object type on
its target. Their names and order stand in app/web/import_parameters.py; import_request.py there reads their values.
"""

from dataclasses import dataclass
from typing import Any, assert_never

from app.api.openapi.shared_schemas import SHARED
from app.domain import objects
from app.domain.imports import REQUEST_PARAMETERS
from app.domain.objects import OBJECT_TYPES, ValueKind, default_object_type
from app.domain.request_parameters import (
    ColumnNames,
    Moment,
    RequestParameter,
    StringPairs,
    Text,
    WholeNumber,
    Word,
    YesOrNo,
)
from app.web.import_parameters import FIRST, INT32, KNOWN, LAST
from app.web.parameter_values import NAME_CHARACTERS


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
            return {"type": "string", "enum": list(words), SHARED: words.__name__} | default
        case ColumnNames(most_characters=most):
            return _text(most, examples=['{"Email Address": "email", "Id": null}'])
        case Moment():
            return TIME
        case YesOrNo():
            return {"type": "boolean"} | default
        case StringPairs():
            return {"type": "string"}  # of JSON: with a contentMediaType, the page at /docs would ask for a file
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
    return {name: Parameter(_schema(REQUEST_PARAMETERS[name]), _meaning(REQUEST_PARAMETERS[name])) for name in names}


def _meaning(parameter: RequestParameter) -> str:
    """What a parameter of every import means, with the bound that its schema cannot tell."""
    bound = f"; at most {parameter.form.most_pairs} pairs" if isinstance(parameter.form, StringPairs) else ""
    return f"{parameter.means}{bound}"


OBJECT_TYPE = {"type": "string", "enum": list(OBJECT_TYPES), SHARED: "ObjectType"}
PARAMETERS = {
    "object_type": Parameter(OBJECT_TYPE | {"default": default_object_type()}, "what the rows become"),
    **_published(*FIRST),
    **{
        name: Parameter(_target_schema(declared), declared.means, kind.object_type, required=declared.required)
        for kind in OBJECT_TYPES.values()
        for name, declared in kind.parameters().items()
    },
    **_published(*LAST),
}
assert tuple(PARAMETERS) == KNOWN
