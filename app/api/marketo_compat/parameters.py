"""Marketo's parameters in our words."""

from app.api.parameters import PARAMETERS
from app.domain.objects import ObjectType

OURS = {
    "lookupField": "lookup_field",
    "listId": "list_id",
    "partitionName": "partition_name",
    "programMemberStatus": "program_member_status",
} | {name: name for name, one in PARAMETERS.items() if one.of is None and name != "object_type"}
"""Those of Marketo's, and those of ours that may be given beside them. All others are left alone."""
IN_PATH = {"name": "object_name", "id": "program_id"}
THEIRS = {ours: theirs for theirs, ours in OURS.items()} | {"program_id": "programId"}


def taken(kind: ObjectType) -> dict[str, str]:
    """The names that may be given with a file of this kind, and what each is with us."""
    return {theirs: ours for theirs, ours in OURS.items() if PARAMETERS[ours].of in {None, kind}}
