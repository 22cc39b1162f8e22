"""Problems: an error as it is answered, and the pages that explain each code."""

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import with_example


class ProblemError(BaseModel):
    message: str
    field: str | None = None
    row: int | None = None


class Problem(BaseModel):
    """RFC 9457. `errors` is there where there is more to say than one thing: the first hundred of `errors_total`."""

    model_config = with_example(examples.PROBLEM)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemError] = []
    errors_total: int | None = None


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
