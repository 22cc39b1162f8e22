"""The verdict of /v1/status, and the health checks for machines."""

from typing import Annotated

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from app.api.openapi import examples
from app.api.schemas.fields import enum_of, with_example
from app.api.schemas.instances import Instance
from app.reporting.checks import Check, Level
from app.reporting.verdict import Verdict

HealthStatus = TypeAliasType("HealthStatus", Annotated[str, enum_of(Level, title="HealthStatus")])


class HealthCheck(BaseModel):
    name: str
    status: HealthStatus
    detail: str

    @classmethod
    def of(cls, check: Check) -> "HealthCheck":
        return cls(name=check.name, status=check.status, detail=check.detail)


class ServiceStatus(BaseModel):
    model_config = with_example(examples.STATUS)

    status: HealthStatus
    checks: list[HealthCheck]
    imports: dict[str, int]
    instances: list[Instance]

    @classmethod
    def of(cls, verdict: Verdict) -> "ServiceStatus":
        return cls(
            status=verdict.status,
            checks=[HealthCheck.of(check) for check in verdict.checks],
            imports={str(status): number for status, number in verdict.imports.items()},
            instances=[Instance.of(view) for view in verdict.instances],
        )


class Health(BaseModel):
    status: HealthStatus
    checks: list[HealthCheck]
