"""Files that are stored and wait for a person's word: which there are, and what was found in one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.clock import Clock
from app.domain.answers import Description
from app.domain.column_maps import source_names
from app.domain.events import Occurrence
from app.domain.imports import Import
from app.domain.preflight import Column, columns_of
from app.domain.result_rows import ResultRow
from app.files.inspection import MARK
from app.store import descriptions, events, import_queries, results
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.results import Kind, ReasonCount

SHOWN_FILES = 50
SHOWN_REMARKS = 100
FIRST_EVENTS = 5  # what was found in a file is told right behind its acceptance
COUNTED_REASONS = 1000  # each row may have one of its own
BETWEEN = "; "  # remarks of one row, in its reason


@dataclass(frozen=True, slots=True)
class RowRemark:
    """Something odd about a row of a stored file, which is sent all the same."""

    row: int | None  # 1 = the first row after the header
    column: str | None  # by its name in the file; None: it is about the row as a whole
    cell: str | None
    message: str


@dataclass(frozen=True, slots=True)
class RemarkCount:
    """How many rows have the same remark about the same column."""

    column: str | None
    message: str
    rows: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What the pre-flight found in a stored file."""

    columns: Sequence[Column]  # by their names in the file, without those that are left out
    left_out: Sequence[str]
    counts: Sequence[RemarkCount]  # the most frequent first
    remarks: Sequence[RowRemark]  # of the first rows that have any
    has_more: bool  # whether more rows have remarks
    repeated_keys: int  # rows whose key an earlier row has
    first_ragged_rows: Sequence[int]  # that have more or fewer cells than the header


@dataclass(frozen=True, slots=True)
class ReviewReader:
    db: Database
    now: Clock
    stuck_seconds: float

    async def waiting(self, client: str | None) -> list[Import]:
        """What is under review, of one client or of all: SHOWN_FILES at most, newest first."""
        async with self.db.read() as tx:
            by = AttentionCriteria(now=self.now(), stuck_seconds=self.stuck_seconds)
            return await import_queries.under_review(tx, client, limit=SHOWN_FILES, now=self.now(), by=by)

    async def findings(self, import_: Import) -> Findings:
        request = import_.request
        async with self.db.read() as tx:
            names = await import_queries.columns_of(tx, import_.id)
            stored = await descriptions.get(tx, request.instance, request.target.described_as)
            page = await results.page(tx, import_.id, Kind.WARNINGS, results.Cut(None, SHOWN_REMARKS))
            told = {each.type: each.data for each in await events.page(tx, import_.id, after=0, size=FIRST_EVENTS)}
            reasons, _ = await results.reasons(tx, import_.id, Kind.WARNINGS, limit=COUNTED_REASONS)
        columns = _columns(import_, names, stored[0] if stored else None)
        remarks = [remark for row in page.rows for remark in _remarks_of(row, columns)]
        left_out = [name for name, field in (request.column_map or {}).items() if field is None]
        ragged = told.get(Occurrence.RAGGED, {}).get("first_rows", [])
        repeated = told.get(Occurrence.PREFLIGHT, {}).get("repeated_keys", 0)
        return Findings(columns, left_out, _counts(reasons, columns), remarks, page.more, repeated, ragged)


def _columns(import_: Import, names: Sequence[str], described: Description | None) -> list[Column]:
    request = import_.request
    fields = columns_of(names, described, request.target) if described else [Column(name, name) for name in names]
    sources = source_names(names, request.column_map)
    return [
        replace(column, name=source, field=column.field or name)
        for column, source, name in zip(fields, sources, names, strict=True)
    ]


def _remarks_of(row: ResultRow, columns: Sequence[Column]) -> Iterator[RowRemark]:
    values = row.values_of([column.name for column in columns])
    for message in _messages(row.reason):
        place = _place(message, columns)
        if place is None:
            yield RowRemark(row.source_row, None, None, message)
        else:
            cell = values[place] if place < len(values) else None
            yield RowRemark(row.source_row, columns[place].name, cell, _without_field(message, columns[place]))


def _counts(reasons: Sequence[ReasonCount], columns: Sequence[Column]) -> list[RemarkCount]:
    rows: dict[tuple[int | None, str], int] = {}
    for reason in reasons:
        for message in _messages(reason.reason):
            place = _place(message, columns)
            what = message if place is None else _without_field(message, columns[place])
            rows[place, what] = rows.get((place, what), 0) + reason.rows
    counted: Mapping[tuple[int | None, str], int] = rows
    by_rows = sorted(counted.items(), key=lambda each: -each[1])
    return [RemarkCount(None if place is None else columns[place].name, what, n) for (place, what), n in by_rows]


def _messages(reason: str) -> list[str]:
    return reason.removeprefix(MARK).split(BETWEEN)


def _place(message: str, columns: Sequence[Column]) -> int | None:
    """The column that a remark begins with: the one of the longest name. None: it is about the row."""
    found = [place for place, column in enumerate(columns) if message.startswith(f"{column.field} ")]
    return max(found, key=lambda place: len(columns[place].field or ""), default=None)


def _without_field(message: str, column: Column) -> str:
    return message.removeprefix(f"{column.field} ")
