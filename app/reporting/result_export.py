"""Failures and warnings of an import: as one file in source order, or page by page."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.column_maps import source_names
from app.domain.errors import Gone
from app.domain.imports import Import
from app.domain.result_rows import ResultRow
from app.files.result_files import marketo_file, own_file
from app.store import import_queries, results
from app.store.database import Database
from app.store.results import Kind, ReasonCount

REASON_HEADERS = {Kind.FAILURES: "Import Failure Reason", Kind.WARNINGS: "Import Warning Reason"}
ROWS_AT_ONCE = 1000
"""Read in one transaction, so that a slow reader holds none open."""
REASONS_SHOWN = 1000  # of an import's reasons, the most frequent: each row may have one of its own


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Some result rows of an import."""

    columns: Sequence[str]
    rows: Sequence[ResultRow]
    next_place: tuple[int, int] | None  # of the row behind which the next page begins; None: this is the last page


@dataclass(frozen=True, slots=True)
class ReasonCounts:
    """How many rows of an import have which reason, the most frequent first."""

    counts: Sequence[ReasonCount]
    total: int  # of different reasons; there may be more than are counted here


class Selection(NamedTuple):
    """Which rows of an import: all failures or warnings, or those with one reason."""

    kind: Kind
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ResultExport:
    """Reads the rows that Marketo rejected or remarked upon, for whoever hands them out."""

    db: Database

    async def read_page(
        self, import_: Import, selection: Selection, *, after: tuple[int, int] | None, size: int
    ) -> ResultPage:
        """The rows behind the place `after`: `size` at most, and fewer where they are large."""
        async with self.db.read() as tx:
            columns = source_names(await import_queries.columns_of(tx, import_.id), import_.request.column_map)
            names_bytes = sum(map(len, columns))  # each row of JSON repeats the names of the columns
            cut = results.Cut(after, size, names_bytes, selection.reason)
            page = await results.page(tx, import_.id, selection.kind, cut)
        return ResultPage(columns, page.rows, page.last_place if page.more else None)

    async def count_reasons(self, import_: Import, kind: Kind) -> ReasonCounts:
        """The reasons of an import's rows, REASONS_SHOWN of them at most, each with how many rows have it."""
        async with self.db.read() as tx:
            counts, total = await results.reasons(tx, import_.id, kind, limit=REASONS_SHOWN)
        return ReasonCounts(counts, total)

    async def has_rows_of_marketo(self, import_: Import, kind: Kind) -> bool:
        """Whether Marketo gave any such row, our own remarks apart."""
        async with self.db.read() as tx:
            page = await results.page(tx, import_.id, kind, results.Cut(None, 1), own=False)
        return bool(page.rows)

    async def stream_file(
        self, import_: Import, selection: Selection, *, as_marketo: bool = False, bom: bool = False
    ) -> AsyncIterator[bytes]:
        """A file of them, piece by piece: a header, then all rows.

        `as_marketo`: as Marketo has it, without the rows' numbers and without our own remarks. `bom`: with a byte order
        mark in front, by which Excel knows UTF-8.

        Errors: Gone, where the results are erased meanwhile. The file breaks off then: half of it must not look whole.
        """
        after: tuple[int, int] | None = None
        async with self.db.read() as tx:
            columns = await import_queries.columns_of(tx, import_.id)
        if not as_marketo:
            columns = source_names(columns, import_.request.column_map)
        write = marketo_file if as_marketo else own_file
        has_more, is_first = True, True
        while has_more:
            async with self.db.read() as tx:
                cut = results.Cut(after, ROWS_AT_ONCE, reason=selection.reason)
                page = await results.page(tx, import_.id, selection.kind, cut, own=not as_marketo)
                if not await import_queries.has_results(tx, import_.id):
                    raise Gone(f"The results of import {import_.id} are erased while they are read.")
            pieces = write(
                page.rows,
                columns=columns,
                format=import_.request.format,
                reason_header=REASON_HEADERS[selection.kind],
                header=is_first,
            )
            yield b"".join([BOM_UTF8 if bom and is_first else b"", *pieces])
            has_more, is_first = page.more, False
            after = page.last_place


def refuse_erased(import_: Import) -> None:
    """Raise where the results have been erased: an empty file would say that no row was rejected. Errors: Gone."""
    if import_.results_erased_at:
        day = f"{import_.results_erased_at:%Y-%m-%d}"
        raise Gone(f"Failures and warnings of import {import_.id} were erased on {day}. Its counts are still there.")
