"""How a parameter of every import is declared: one annotation on its field of `Request` (imports.py).

    priority: Annotated[int, RequestParameter(WholeNumber(0, 9), "higher first")] = 5

The field's name is the parameter's name and its default is the parameter's. The API (what it publishes and how it reads
a value), Marketo's own paths, the command line's options and the table in docs/api.md are made from this declaration.
The parameters of one object type stand with the type: objects/parameters.py.
"""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Text:
    most_characters: int = 255


@dataclass(frozen=True, slots=True)
class WholeNumber:
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Word:
    words: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time with an offset, RFC 3339."""


@dataclass(frozen=True, slots=True)
class YesOrNo:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class StringPairs:
    """A JSON object of strings."""

    most_pairs: int


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """A JSON object: a file's columns, each with the name of a field, or null (column_maps.py)."""

    most_characters: int


ValueForm = Text | WholeNumber | Word | Moment | YesOrNo | StringPairs | ColumnNames


@dataclass(frozen=True, slots=True)
class RequestParameter:
    form: ValueForm
    means: str
    default: Any = None  # read off the field


def declared_parameters(request_class: type) -> dict[str, RequestParameter]:
    """The parameters that a class declares on its fields, by name, in the order of the fields."""
    defaults = {field.name: field.default for field in dataclasses.fields(request_class)}
    hints = get_type_hints(request_class, include_extras=True)
    return {
        name: dataclasses.replace(declaration, default=defaults[name])
        for name, hint in hints.items()
        for declaration in getattr(hint, "__metadata__", ())
        if isinstance(declaration, RequestParameter)
    }
