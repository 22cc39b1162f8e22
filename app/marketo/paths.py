"""Marketo's three families of bulk import endpoints, on one screen.

No `/rest` in front of bulk paths (only describe has it); a lead batch has no `/status`; what is asked of
program members carries no program id. Adobe, "Bulk import", read 2026-08.
"""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from app.domain.imports import Format
from app.domain.objects import CustomObject, Leads, ProgramMembers, Target


class Batch(NamedTuple):
    """Where one accepted job answers questions."""

    status: str
    failures: str
    warnings: str


def create(target: Target, format_: Format) -> str:
    """Path and query of a submission. `format` is always sent: Adobe calls it both required and optional."""
    match target:
        case Leads(lookup_field=field, list_id=list_id, partition_name=partition):
            path = "/bulk/v1/leads.json"
            query = {"format": format_.value, "lookupField": field}
            query |= {"listId": str(list_id)} if list_id is not None else {}
            query |= {"partitionName": partition} if partition is not None else {}
        case CustomObject(object_name=name):
            path = f"/bulk/v1/customobjects/{_segment(name)}/import.json"
            query = {"format": format_.value}
        case ProgramMembers(program_id=program, program_member_status=status):
            path = f"/bulk/v1/program/{program}/members/import.json"
            query = {"format": format_.value, "programMemberStatus": status}
    return f"{path}?{urlencode(query, quote_via=quote, safe='')}"


def batch(target: Target, batch_id: int) -> Batch:
    match target:
        case Leads():
            job = f"/bulk/v1/leads/batch/{batch_id}"
            return Batch(f"{job}.json", f"{job}/failures.json", f"{job}/warnings.json")
        case CustomObject(object_name=name):
            job = f"/bulk/v1/customobjects/{_segment(name)}/import/{batch_id}"
        case ProgramMembers():
            job = f"/bulk/v1/program/members/import/{batch_id}"
    return Batch(f"{job}/status.json", f"{job}/failures.json", f"{job}/warnings.json")


def describe(target: Target) -> tuple[str, ...]:
    """The describe calls whose fields, together, may stand in the header of a file for this target.

    Leads are asked by the older describe: only it names every field. A member's row takes the lead's fields too.
    """
    leads = "/rest/v1/leads/describe.json"
    match target:
        case Leads():
            return (leads,)
        case CustomObject(object_name=name):
            return (f"/rest/v1/customobjects/{_segment(name)}/describe.json",)
        case ProgramMembers():
            return (leads, "/rest/v1/programs/members/describe.json")


OBJECTS = "/rest/v1/customobjects.json"
"""Which custom objects there are."""


def _segment(name: str) -> str:
    return quote(name, safe="")
