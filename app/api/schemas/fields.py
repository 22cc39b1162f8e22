"""What the schemas have in common: times, and an example in the published document."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from app.clock import rfc3339
from app.domain.parts import Failure

Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def enum_of(words: Iterable[str], *, title: str) -> WithJsonSchema:
    """How a text that is one of these words is published. In a TypeAliasType it has a name of its own."""
    return WithJsonSchema({"type": "string", "enum": list(words), "title": title})


def with_example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class ErrorDetail(BaseModel):
    code: str
    message: str
    marketo_code: str | None

    @classmethod
    def of(cls, error: Failure | None) -> "ErrorDetail | None":
        return cls(code=error.code, message=error.message, marketo_code=error.marketo_code) if error else None
