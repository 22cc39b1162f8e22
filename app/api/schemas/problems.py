"""Problems: an error as it is answered, and the pages that explain each code."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from app.api.openapi import examples
from app.api.schemas.fields import with_example


def _not_always_there() -> Any:
    """A field that an answer may lack, though it is never null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class ProblemError(BaseModel):
    message: str
    field: str | SkipJsonSchema[None] = _not_always_there()
    row: int | SkipJsonSchema[None] = _not_always_there()


class Problem(BaseModel):
    """RFC 9457. `errors` is there where there is more to say than one thing: the first hundred of `errors_total`."""

    model_config = with_example(examples.PROBLEM)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemError] | SkipJsonSchema[None] = _not_always_there()
    errors_total: int | SkipJsonSchema[None] = _not_always_there()


class ProblemDescription(BaseModel):
    """What a code means."""

    type: str
    code: str
    status: int
    title: str
    means: str
    remedy: str


class ProblemList(BaseModel):
    items: list[ProblemDescription]
