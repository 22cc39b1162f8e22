"""What can be asked about the instance before an import: describe, programs, channels, lists, partitions.

Shapes as in Adobe, "Leads", "Custom objects", "Program members", "Programs", "Channels", "Static lists", read 2026-08.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.answers import Refusal
from app.simulator.params import find_program, whole
from app.simulator.records import Records
from app.simulator.schema import CustomObject, Field, Schema

_MADE_AT = "2020-01-01T00:00:00Z"
_PAGE = 300  # leads of a static list in one answer, at most. Adobe, "Static lists", read 2026-08

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lookups:
    schema: Schema
    records: Records

    def describe_leads(self) -> list[Entry]:
        return [
            {
                "id": number,
                **_field(f),
                "rest": {"name": f.name, "readOnly": f.read_only},
                "soap": {"name": f.name[:1].upper() + f.name[1:], "readOnly": f.read_only},
            }
            for number, f in enumerate(self.schema.lead, start=2)
        ]

    def describe_leads2(self) -> list[Entry]:
        searchable = sorted(self.schema.lookup_fields() & {f.name for f in self.schema.lead})
        fields = [{"name": f.name, **_field(f), **_writable(f), "crmManaged": False} for f in self.schema.lead]
        return [{"name": "API Lead", "searchableFields": [[name] for name in searchable], "fields": fields}]

    def custom_objects(self, names: str | None) -> list[Entry]:
        wanted_names = {name.strip().lower() for name in names.split(",")} if names else None
        return [
            {key: value for key, value in _object(o).items() if key != "fields"}
            for lower, o in self.schema.objects.items()
            if wanted_names is None or lower in wanted_names
        ]

    def describe_custom_object(self, name: str) -> list[Entry]:
        custom_object = self.schema.objects.get(name.lower())
        if custom_object is None:
            raise Refusal("1013", f"Object '{name}' not found")
        return [_object(custom_object)]

    def describe_members(self) -> list[Entry]:
        fields = [{"name": f.name, **_field(f), **_writable(f), "crmManaged": False} for f in self.schema.member]
        return [
            {
                "name": "API Program Membership",
                "description": "API Program Membership Map",
                "createdAt": _MADE_AT,
                "updatedAt": _MADE_AT,
                "dedupeFields": ["leadId", "programId"],
                "searchableFields": [["leadId"], ["statusName"]],
                "fields": fields,
            }
        ]

    def program(self, program_id: str) -> list[Entry]:
        """An unknown program gets 702."""
        try:
            program = find_program(program_id, self.schema)
        except Refusal:
            raise Refusal("702", "No assets found for the given search criteria.") from None
        return [
            {
                "id": program.id,
                "name": program.name,
                "type": "Default",
                "channel": program.channel,
                "status": "on",
                "workspace": "Default",
                "folder": {"type": "Folder", "value": 1, "folderName": "Marketing Activities"},
                "tags": [],
                "costs": [],
                "createdAt": _MADE_AT,
                "updatedAt": _MADE_AT,
            }
        ]

    def channels(self, name: str | None = None) -> list[Entry]:
        statuses = [
            {"name": status, "step": step * 10, "hidden": False, "success": step == len(self.schema.statuses)}
            for step, status in enumerate(self.schema.statuses, start=1)
        ]
        channels = [
            {
                "id": number,
                "name": channel,
                "applicableProgramType": "program",
                "progressionStatuses": [{**s, "description": s["name"]} for s in statuses],
                "createdAt": _MADE_AT,
                "updatedAt": _MADE_AT,
            }
            for number, channel in enumerate(self.schema.channels, start=1)
            if name is None or channel.lower() == name.lower()
        ]
        if not channels:
            raise Refusal("702", "No assets found for the given search criteria.")
        return channels

    def static_lists(self, ids: str | None = None, names: str | None = None) -> list[Entry]:
        wanted_ids = {text.strip() for text in ids.split(",")} if ids else None
        wanted_names = {text.strip() for text in names.split(",")} if names else None
        return [
            {"id": number, "name": name, "workspaceName": "Default", "createdAt": _MADE_AT, "updatedAt": _MADE_AT}
            for number, name in self.schema.lists.items()
            if (wanted_ids is None or str(number) in wanted_ids) and (wanted_names is None or name in wanted_names)
        ]

    def static_list(self, list_id: str) -> list[Entry]:
        static_lists = self.static_lists(list_id)
        if not static_lists:
            raise Refusal("1013", "Static list not found")
        return static_lists

    def list_members(self, list_id: str, batch_size: str | None, page_token: str | None) -> tuple[list[Entry], Entry]:
        """One page of a list's leads, and what the envelope says of the next."""
        number = int(self.static_list(list_id)[0]["id"])
        size = min(whole(batch_size or "") or _PAGE, _PAGE)
        start = whole(page_token or "") or 0
        members = list(self.records.list_members.get(number, {}))
        leads = self.records.table("lead").records
        names = ("id", "firstName", "lastName", "email", "updatedAt", "createdAt")
        page = [{name: leads[lead].get(name) for name in names} for lead in members[start : start + size]]
        more = start + size < len(members)
        return page, {"nextPageToken": str(start + size), "moreResult": True} if more else {}

    def partitions(self) -> list[Entry]:
        described = enumerate(self.schema.partitions, start=1)
        return [{"id": number, "name": name, "description": f"{name} partition"} for number, name in described]


def _field(field: Field) -> Entry:
    length = {"length": 255} if field.type in ("string", "email", "phone", "url") else {}
    return {"displayName": field.display_name, "dataType": field.type, **length}


def _writable(field: Field) -> Entry:
    return {"updateable": not field.read_only}


def _object(custom_object: CustomObject) -> Entry:
    own = [Field("createdAt", "Created At", "datetime", read_only=True)]
    own += [
        Field("marketoGUID", "Marketo GUID", read_only=True),
        Field("updatedAt", "Updated At", "datetime", read_only=True),
    ]
    links: Sequence[Entry] = [
        {"field": link.field, "type": "parent", "relatedTo": {"name": "Lead", "field": link.lead_field}}
        for link in custom_object.links
    ]
    return {
        "name": custom_object.name,
        "displayName": custom_object.display_name,
        "description": f"{custom_object.display_name} of a lead",
        "createdAt": _MADE_AT,
        "updatedAt": _MADE_AT,
        "idField": "marketoGUID",
        "dedupeFields": list(custom_object.dedupe_fields),
        "searchableFields": [
            list(custom_object.dedupe_fields),
            ["marketoGUID"],
            *[[link.field] for link in custom_object.links],
        ],
        "relationships": list(links),
        "fields": [{"name": f.name, **_field(f), **_writable(f)} for f in (*own, *custom_object.fields)],
    }
