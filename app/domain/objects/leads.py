"""Leads: people, found by a lookup field. Adobe, "Bulk lead import", read 2026-08."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from app.domain.objects.parameters import Parameter, ValueKind
from app.domain.objects.target import Target

PEOPLE = "people"
"""The records of leads; the members of a program are the same people."""

LEADS_DESCRIBE = "/rest/v1/leads/describe.json"
"""The older describe of leads: only it names every field."""

LOOKUP_FIELDS = frozenset(
    name.lower()
    for name in (
        "id", "cookies", "email", "twitterId", "facebookId", "linkedInId",
        "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId",
    )
)  # fmt: skip
"""What Adobe lets an import of leads look records up by, beside fields that describe lists."""


@dataclass(frozen=True, slots=True)
class Leads(Target):
    lookup_field: Annotated[
        str,
        Parameter(
            ValueKind.FIELD,
            "the column by which Marketo finds the lead",
            at_marketo="lookupField",
            example="email",
            other_fields=LOOKUP_FIELDS,
        ),
    ] = "email"
    list_id: Annotated[
        int | None,
        Parameter(ValueKind.MARKETO_ID, "a static list that the leads become members of", at_marketo="listId"),
    ] = None
    partition_name: Annotated[
        str | None, Parameter(ValueKind.TEXT, "the lead partition", at_marketo="partitionName")
    ] = None

    object_type: ClassVar = "lead"
    plural: ClassVar = "leads"
    create_path: ClassVar = "/bulk/v1/leads.json"
    status_path: ClassVar = "/bulk/v1/leads/batch/{batchId}.json"  # no `/status`, which the other types have
    batch_path: ClassVar = "/bulk/v1/leads/batch/{batchId}"
    describe_paths: ClassVar = (LEADS_DESCRIBE,)
    objects_path: ClassVar = None
    row_count_field: ClassVar = "numOfLeadsProcessed"
    dedupe_fields_are_described: ClassVar = False
    column_case_matters: ClassVar = False
    sample: ClassVar = "leads.csv"
    example_file: ClassVar = "email,firstName,lastName\r\nada@example.com,Ada,Example\r\n"

    @property
    def key_columns(self) -> tuple[str, ...]:
        return (self.lookup_field,)

    @property
    def record_kind(self) -> str:
        return PEOPLE

    @property
    def busy_list_id(self) -> int | None:
        return self.list_id
