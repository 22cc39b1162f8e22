"""Marketo's object types: what rows may become. One module for each holds all that sets it apart.

A further type is a module here and an entry in OBJECT_TYPES; target.py says what it has to declare. A parameter that
no other type has also needs a column, by a migration.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.objects.custom_objects import CustomObject
from app.domain.objects.leads import Leads
from app.domain.objects.parameters import Parameter, ValueKind
from app.domain.objects.program_members import ProgramMembers
from app.domain.objects.target import Target

__all__ = [
    "OBJECT_TYPES",
    "CustomObject",
    "Leads",
    "Parameter",
    "ProgramMembers",
    "Target",
    "ValueKind",
    "default_object_type",
    "fields_of",
    "target_of",
    "target_parameters",
]

OBJECT_TYPES: dict[str, type[Target]] = {kind.object_type: kind for kind in (Leads, CustomObject, ProgramMembers)}
"""By the words of the API; the first one is meant where a request names none."""


def default_object_type() -> str:
    return next(iter(OBJECT_TYPES))


def target_parameters() -> dict[str, Parameter]:
    """Those of every type, by name."""
    return {name: parameter for kind in OBJECT_TYPES.values() for name, parameter in kind.parameters().items()}


def fields_of(target: Target) -> dict[str, Any]:
    """The values of every type's parameters for one target: None where they are another type's, or were not given."""
    values = target.parameter_values()
    return {
        name: list(values.get(name) or ()) or None if parameter.kind is ValueKind.API_NAMES else values.get(name)
        for name, parameter in target_parameters().items()
    }


def target_of(object_type: str, values: Mapping[str, Any]) -> Target:
    """The target that `fields_of` was asked for."""
    kind = OBJECT_TYPES[object_type]
    return kind(
        **{
            name: tuple(values[name] or ()) if parameter.kind is ValueKind.API_NAMES else values[name]
            for name, parameter in kind.parameters().items()
        }
    )
