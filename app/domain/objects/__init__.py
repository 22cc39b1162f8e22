"""Marketo's object types: what rows may become."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class ObjectType(StrEnum):
    LEAD = "lead"
    CUSTOM_OBJECT = "custom_object"
    PROGRAM_MEMBER = "program_member"


@dataclass(frozen=True, slots=True)
class Leads:
    lookup_field: str = "email"
    list_id: int | None = None
    partition_name: str | None = None


@dataclass(frozen=True, slots=True)
class CustomObject:
    object_name: str
    dedupe_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramMembers:
    program_id: int
    program_member_status: str


Target = Leads | CustomObject | ProgramMembers


TARGET_FIELDS = tuple(field.name for kind in (Leads, CustomObject, ProgramMembers) for field in fields(kind))


def object_type(target: Target) -> ObjectType:
    match target:
        case Leads():
            return ObjectType.LEAD
        case CustomObject():
            return ObjectType.CUSTOM_OBJECT
        case ProgramMembers():
            return ObjectType.PROGRAM_MEMBER


def fields_of(target: Target) -> dict[str, Any]:
    """What names the target, by the words of the API; None where they are another kind's."""
    named = {name: getattr(target, name, None) for name in TARGET_FIELDS}
    return named | {"dedupe_fields": list(named["dedupe_fields"] or ()) or None}


def key_columns(target: Target) -> tuple[str, ...]:
    """The columns without which Marketo cannot find a record. Empty: only Marketo knows (its describe)."""
    match target:
        case Leads(lookup_field=field):
            return (field,)
        case CustomObject(dedupe_fields=fields):
            return fields
        case ProgramMembers():
            return ("email",)
