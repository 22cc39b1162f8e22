"""The parameters of a create call, from its query or its form fields, checked in Marketo's order."""

from __future__ import annotations

from app.simulator.answers import Refusal
from app.simulator.calls import Call
from app.simulator.delimited import DELIMITERS
from app.simulator.rules import Rules
from app.simulator.schema import Program, Schema, by_lower_name
from app.simulator.targets import ObjectType, Target


def param(call: Call, name: str, rules: Rules) -> str | None:
    """A parameter's value; both places are accepted. Empty counts as absent."""
    places = (call.query, call.fields) if rules.param_precedence == "query" else (call.fields, call.query)
    return next((place[name] for place in places if place.get(name)), None)


def read_target(
    object_type: ObjectType, name: str | None, call: Call, schema: Schema, rules: Rules
) -> tuple[Target, str]:
    """The target and the file's delimiter. `name`: the path's custom object or program."""
    format_ = param(call, "format", rules) or "csv"
    if format_.lower() not in DELIMITERS:
        raise Refusal("1001", f"Invalid value '{format_}'. Required of type 'csv, tsv, ssv'")
    delimiter = DELIMITERS[format_.lower()]
    if object_type == "lead":
        return _leads(call, schema, rules), delimiter
    if object_type == "custom_object":
        return _custom_object(name or "", schema, rules), delimiter
    return _members(name or "", call, schema, rules), delimiter


def _leads(call: Call, schema: Schema, rules: Rules) -> Target:
    lookup = param(call, "lookupField", rules) or "email"
    if lookup not in schema.lookup_fields():
        raise Refusal("1011", f"Field '{lookup}' not supported")
    partition = param(call, "partitionName", rules)
    if partition is None and rules.partition_required:
        raise Refusal("1009")
    if partition is not None and partition not in schema.partitions:
        raise Refusal("1008", f"Access denied to partition '{partition}'")
    return Target(
        object_type="lead",
        table="lead",
        key_fields=(lookup,),
        fields=by_lower_name(schema.lead),
        unknown_header=rules.unknown_lead_header,
        update_only=lookup == "id",  # Adobe, "Bulk lead import": with id, leads are only updated
        list_id=_list_id(call, schema, rules),
        partition=partition,
    )


def _list_id(call: Call, schema: Schema, rules: Rules) -> int | None:
    text = param(call, "listId", rules)
    if text is None:
        return None
    number = whole(text)
    if number is None:
        raise Refusal("1001", f"Invalid value '{text}'. Required of type 'Integer'")
    if number not in schema.lists:
        raise Refusal("1013", "Static list not found")
    return number


def _custom_object(name: str, schema: Schema, rules: Rules) -> Target:
    custom_object = schema.objects.get(name.lower())
    if custom_object is None:
        raise Refusal("1013", f"Object '{name}' not found")
    return Target(
        object_type="custom_object",
        table=custom_object.name,
        key_fields=custom_object.dedupe_fields,
        fields=by_lower_name(custom_object.fields),
        unknown_header=rules.unknown_object_header,
        links=custom_object.links,
    )


def _members(program_id: str, call: Call, schema: Schema, rules: Rules) -> Target:
    program = find_program(program_id, schema)
    status = param(call, "programMemberStatus", rules)
    if status is None:
        raise Refusal("1002", "Missing value for the required parameter 'programMemberStatus'")
    if status not in schema.statuses:
        raise Refusal("1025")
    own = [f for f in schema.member if not f.read_only]
    return Target(
        object_type="program_member",
        table="lead",
        key_fields=("email",),  # Adobe, "Bulk program member import": found by email, always
        fields={**by_lower_name(schema.lead), **by_lower_name(tuple(own))},
        unknown_header=rules.unknown_lead_header,
        program_id=program.id,
        program_status=status,
        member_fields=frozenset(f.name for f in own),
    )


def find_program(text: str, schema: Schema) -> Program:
    number = whole(text)
    program = schema.programs.get(number) if number is not None else None
    if program is None:
        raise Refusal("1013", "Program not found")
    return program


def whole(text: str) -> int | None:
    """A number of up to nine digits, as an id is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
