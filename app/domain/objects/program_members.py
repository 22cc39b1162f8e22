"""Members of a program: leads, always found by email, who get a status in a program's channel.

Adobe, "Bulk program member import", read 2026-08.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from app.domain.objects.leads import LEADS_DESCRIBE, PEOPLE
from app.domain.objects.parameters import Parameter, ValueKind
from app.domain.objects.target import Target


@dataclass(frozen=True, slots=True)
class ProgramMembers(Target):
    program_id: Annotated[
        int,
        Parameter(ValueKind.MARKETO_ID, "the program's number", at_marketo="programId", in_path="id", example=1001),
    ]
    program_member_status: Annotated[
        str,
        Parameter(
            ValueKind.TEXT,
            "a status of the program's channel, such as `On List`",
            at_marketo="programMemberStatus",
            example="On List",
        ),
    ]

    object_type: ClassVar = "program_member"
    plural: ClassVar = "program members"
    create_path: ClassVar = "/bulk/v1/program/{id}/members/import.json"
    status_path: ClassVar = "/bulk/v1/program/members/import/{batchId}/status.json"  # names no program, as the next
    batch_path: ClassVar = "/bulk/v1/program/members/import/{batchId}"
    describe_paths: ClassVar = (LEADS_DESCRIBE, "/rest/v1/programs/members/describe.json")  # it takes a lead's too
    objects_path: ClassVar = None
    row_count_field: ClassVar = "numOfLeadsProcessed"
    dedupe_fields_are_described: ClassVar = False
    column_case_matters: ClassVar = False
    sample: ClassVar = "members.csv"
    example_file: ClassVar = "email,firstName,lastName\r\nada@example.com,Ada,Example\r\n"

    @property
    def key_columns(self) -> tuple[str, ...]:
        return ("email",)

    @property
    def record_kind(self) -> str:
        return PEOPLE
