"""Failures and warnings: rows that Marketo rejected or remarked upon."""

from collections.abc import Sequence

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import with_example
from app.domain import result_rows as domain
from app.files.result_files import shown
from app.store.results import ReasonCount


class ResultRow(BaseModel):
    model_config = with_example(examples.RESULT_ROW)

    source_row: int | None
    reason: str
    values: dict[str, str | None]
    raw: str | None
    """What Marketo sent, where it cannot be read as a row."""

    @classmethod
    def of(cls, row: domain.ResultRow, columns: Sequence[str]) -> "ResultRow":
        """A row with the names of its columns, in the order of its values."""
        values = [None if value is None else shown(value) for value in row.values_of(columns)]
        return cls(
            source_row=row.source_row,
            reason=row.reason,
            values=dict(zip(columns, values, strict=True)),
            raw=None if row.text is None else shown(row.text),
        )


class ResultRowPage(BaseModel):
    items: list[ResultRow]
    next_page_token: str | None


class FailureReason(BaseModel):
    """Why rows were rejected, or what was remarked upon."""

    model_config = with_example(examples.FAILURE_REASON)

    reason: str
    rows: int
    first_source_row: int | None
    """The first of these rows in the uploaded file; null where that is known of none of them."""

    @classmethod
    def of(cls, count: ReasonCount) -> "FailureReason":
        return cls(reason=count.reason, rows=count.rows, first_source_row=count.first_source_row)


class FailureReasonList(BaseModel):
    items: list[FailureReason]
    reasons_total: int
    """How many different reasons there are: the 1,000 most frequent are listed."""
