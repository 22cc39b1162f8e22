"""The verdict of /v1/status, and the health checks for machines."""

from typing import Annotated

from pydantic import BaseModel, WithJsonSchema

from app.api.openapi import examples
from app.api.schemas.fields import with_example
from app.api.schemas.instances import InstanceOut
from app.reporting.checks import Check, Level
from app.reporting.verdict import Verdict

StatusWord = Annotated[str, WithJsonSchema({"type": "string", "enum": list(Level)})]


class CheckOut(BaseModel):
    name: str
    status: StatusWord
    detail: str

    @classmethod
    def of(cls, check: Check) -> "CheckOut":
        return cls(name=check.name, status=check.status, detail=check.detail)


class StatusOut(BaseModel):
    model_config = with_example(examples.STATUS)

    status: StatusWord
    checks: list[CheckOut]
    imports: dict[str, int]
    instances: list[InstanceOut]

    @classmethod
    def of(cls, verdict: Verdict) -> "StatusOut":
        return cls(
            status=verdict.status,
            checks=[CheckOut.of(check) for check in verdict.checks],
            imports={str(status): number for status, number in verdict.imports.items()},
            instances=[InstanceOut.of(view) for view in verdict.instances],
        )


class HealthOut(BaseModel):
    status: StatusWord
    checks: list[CheckOut]
