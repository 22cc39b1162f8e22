"""How an object type declares its parameters: one annotation on each field of its target.

    program_id: Annotated[int, Parameter(ValueKind.MARKETO_ID, "the program's number", at_marketo="programId")]

The field's name is the parameter's name in our API and its column in the database; a field without a default is
required. The API, the command line and the database each say what they make of every kind of value.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class ValueKind(Enum):
    TEXT = auto()  # what people called something in Marketo: a partition, a status
    FIELD = auto()  # a field of Marketo's; a name that people see gets a suggestion, and is no mistake of form
    API_NAME = auto()  # of an object: it becomes part of a path
    API_NAMES = auto()  # of fields, comma-separated
    MARKETO_ID = auto()  # a number that Marketo gave to something


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an object type."""

    kind: ValueKind
    means: str
    at_marketo: str | None = None  # its name at Marketo; None: Marketo has none for it
    in_path: str | None = None  # its name in the type's path templates; None: it is sent in the query
    example: Any = None
    other_fields: frozenset[str] = frozenset()  # in lower case: right for a FIELD, though describe does not list them
    # What follows is read off the field that the parameter stands on.
    name: str = ""
    default: Any = None
    required: bool = False
