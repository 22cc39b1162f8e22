"""Retry: a new import of rows that an earlier one left behind, from the bytes that are stored or from a mended file."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.domain.errors import NotFound, WrongState
from app.domain.imports import Part, Request
from app.domain.lifecycle import State
from app.files import numbering
from app.files.numbering import Given
from app.files.packing import unpacked
from app.files.records import Offsets, line, offsets_of
from app.steps.intake import Body, Intake
from app.store import events, imports, parts, results
from app.store.database import Database
from app.store.imports import Standing
from app.store.parts import Kept
from app.store.results import Kind

LEFT_BEHIND = frozenset({State.FAILED, State.CANCELLED})
UNKNOWN = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True)
class Retry:
    """Rows keep the numbers that they had in the file that was uploaded first."""

    db: Database
    intake: Intake

    async def parts(self, import_id: int, *, client: str) -> int:
        """The rows of the parts that failed or were cancelled; none of those that Marketo processed.

        The new import's id. Errors: NotFound; WrongState where there is no such part, or its rows are erased;
        whatever Intake finds.
        """
        standing, listed = await self._known(import_id)
        left = [part for part in listed if part.state in LEFT_BEHIND]
        if not left:
            message = f"Import {import_id} has no part that failed or was cancelled: there is nothing to send again."
            raise WrongState(message, code="nothing_to_retry")
        numbers = Given()
        rows = self._rows_of_parts(standing, left, numbers)
        return await self._receive(standing, client, Body(rows, retry_of=import_id, numbers=numbers))

    async def failures(self, import_id: int, *, client: str) -> int:
        """The rows that Marketo rejected, as they were uploaded. As `parts`."""
        standing, listed = await self._known(import_id)
        await self._have_failures(import_id)
        numbers = Given()
        rows = self._rejected_rows(import_id, standing, listed, numbers)
        return await self._receive(standing, client, Body(rows, retry_of=import_id, numbers=numbers))

    async def corrected(self, import_id: int, request: Request, body: Body) -> int:
        """A mended file in place of the rows that Marketo rejected; it may be our failures file with our columns.

        Of `request`, how the file is to be read; everything else is as the first time. As `parts`.
        """
        standing, _ = await self._known(import_id)
        await self._have_failures(import_id)
        again = replace(
            _again(standing.request, request.client),
            format=request.format,
            charset=request.charset,
            file_name=request.file_name,
        )
        return await self._receive_as(again, replace(body, retry_of=import_id, corrected=True))

    async def _known(self, import_id: int) -> tuple[Standing, list[Part]]:
        async with self.db.read() as tx:
            standing = await imports.standing(tx, import_id)
            listed = await parts.of_import(tx, import_id)
        if standing is None:
            raise NotFound(f"There is no import {import_id}.")
        return standing, listed

    async def _have_failures(self, import_id: int) -> None:
        async with self.db.read() as tx:
            some = await results.page(tx, import_id, Kind.FAILURES, after=None, size=1)
        if not some:
            message = f"Marketo has rejected no row of import {import_id}: there is nothing to send again."
            raise WrongState(message, code="nothing_to_retry")

    async def _receive(self, standing: Standing, client: str, body: Body) -> int:
        return await self._receive_as(replace(_again(standing.request, client), charset="utf-8"), body)  # as stored

    async def _receive_as(self, request: Request, body: Body) -> int:
        made = await self.intake.receive(request, body)
        async with self.db.write() as tx:
            await events.append(
                tx,
                "retried",
                at=self.intake.now(),
                instance=request.instance,
                import_id=body.retry_of,
                by=request.client,
                as_import=made,
            )
        return made

    async def _rows_of_parts(
        self, standing: Standing, left: Sequence[Part], numbers: Given
    ) -> AsyncGenerator[bytes, None]:
        yield _header(standing)
        for part in left:
            file = await self._file(part, standing)
            numbers.add(file.numbers)
            yield file.rows(range(len(file.numbers)))

    async def _rejected_rows(
        self, import_id: int, standing: Standing, listed: Sequence[Part], numbers: Given
    ) -> AsyncGenerator[bytes, None]:
        yield _header(standing)
        for part in listed:
            async with self.db.read() as tx:
                rejected = await results.source_rows(tx, import_id, Kind.FAILURES, part_number=part.number)
            if rejected:
                file = await self._file(part, standing)
                rows = np.flatnonzero(np.isin(file.numbers, rejected))
                numbers.add(file.numbers[rows])
                yield file.rows(rows.tolist())
        async with self.db.read() as tx:
            unplaced = await results.unplaced(tx, import_id, Kind.FAILURES)
        for values in unplaced:  # nobody knows where they stood: as Marketo gave them back
            numbers.add(UNKNOWN)
            yield line([value or "" for value in values], standing.request.format.delimiter)

    async def _file(self, part: Part, standing: Standing) -> "_File":
        async with self.db.read() as tx:
            kept = await parts.kept(tx, part.id)
        if kept is None:
            message = f"The rows of import {part.import_id} are erased: their time is over. Upload the file again."
            raise WrongState(message, code="rows_erased")
        return await asyncio.to_thread(_file_of, kept, part, standing.request.format.delimiter)


@dataclass(frozen=True, slots=True)
class _File:
    """A part's rows, and the number of each."""

    text: bytes
    starts: Offsets
    ends: Offsets
    numbers: Offsets

    def rows(self, which: Iterable[int]) -> bytes:
        """These rows, each with its line end: in another place the last one needs one too."""
        found = [self.text[self.starts[row] : self.ends[row]] for row in which]
        return b"".join([row if row.endswith((b"\n", b"\r")) else row + b"\n" for row in found])


def _file_of(kept: Kept, part: Part, delimiter: str) -> _File:
    text = b"".join(unpacked(kept.blob))
    starts, ends = offsets_of(text, delimiter)
    numbers = numbering.read(kept.row_numbers, first_row=part.first_row, rows=part.rows.total)
    return _File(text, starts[1:], ends[1:], numbers)


def _header(standing: Standing) -> bytes:
    return line(standing.columns, standing.request.format.delimiter)


def _again(request: Request, client: str) -> Request:
    """The same, for whoever asks now, and now."""
    return replace(request, client=client, not_before=None)
