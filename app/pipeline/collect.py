"""Collect: fetch what Marketo says of single rows while it still knows.

RESULTS_BEFORE_DONE: the rows are stored first, some thousand in a transaction; then files, counts and the last move
are one transaction. Whoever dies in between leaves rows that the next one replaces.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.clock import Clock
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.lifecycle import Move, State
from app.domain.parts import Part
from app.files.compression import pack
from app.results.fetched import Fetched, LateFile, rows_by_files
from app.results.fetching import ResultFiles
from app.results.late_files import LateFiles
from app.results.matching import result_rows
from app.scheduling.back_off import BackOff
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.lease import Lease
from app.store import events, import_queries, imports, instances, part_queries, parts, results
from app.store.database import Database
from app.store.parts import Stale
from app.store.results import Kind
from app.store.transaction import Transaction

STORED_ROWS = 2000  # in one transaction
LINES_TOLD = 100  # of rows that have no place, in an event


@dataclass(frozen=True, slots=True)
class Collect:
    db: Database
    fenced: FencedWriter
    result_files: ResultFiles
    late_files: LateFiles
    back_off: BackOff
    now: Clock
    hit: FailpointHit

    async def run_once(self, lease: Lease) -> bool:
        """Collect the results of one part. True when one was completed. Network: up to two GETs."""
        at, jump_id = self.now(), self.now.jump_id
        async with self.db.read() as tx:
            due = await part_queries.in_states(tx, lease.instance, {State.COLLECTING}, due=at, limit=1)
            instance = await instances.get(tx, lease.instance) if due else None
        if instance is None or not instance.may_ask(at) or not lease.holds(self.now.monotonic()):
            return False
        part = due[0]
        try:
            return await self._collect(lease, part, jump_id)
        except Stale:
            return False
        except Exception as mistake:  # whatever is wrong with this part, the others must not wait behind it
            await self._ask_again(lease, part, [LateFile.ours(Kind.FAILURES, mistake)])
            raise

    async def _collect(self, lease: Lease, part: Part, jump_id: int) -> bool:
        async with self.db.read() as tx:
            summary = await import_queries.summary_of(tx, part)
        failures = await self.result_files.fetch(part, summary, Kind.FAILURES, part.rows.failed)
        warnings = await self.result_files.fetch(part, summary, Kind.WARNINGS, part.rows.warned)
        if isinstance(failures, LateFile) or isinstance(warnings, LateFile):
            late = [file for file in (failures, warnings) if isinstance(file, LateFile)]
            await self._ask_again(lease, part, late)
            return False
        self.now.expect(jump_id)  # what is missing was waited for by a clock that still counts
        self.hit(Failpoint.FETCHED)
        await self._keep_rows(lease, part, failures, warnings)
        await self._complete(lease, part, failures, warnings)
        self.hit(Failpoint.COLLECTED)
        return True

    async def _ask_again(self, lease: Lease, part: Part, late: Sequence[LateFile]) -> None:
        """Later; and let the whole instance wait where that is what Marketo said."""
        async with self.fenced.write(lease) as (tx, _):
            await self.late_files.put_off(tx, part, late)
        self.hit(Failpoint.PUT_OFF)

    async def _keep_rows(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        async with self.fenced.write(lease, share=True) as (tx, _):
            await results.forget_rows(tx, part.import_id, part_number=part.number)
        self.hit(Failpoint.ROWS_FORGOTTEN)
        for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
            rows = result_rows(fetched.matched) if fetched.matched else iter(())
            while encoded := await asyncio.to_thread(results.encode_rows, islice(rows, STORED_ROWS)):
                async with self.fenced.write(lease, share=True) as (tx, _):
                    await results.keep_rows(tx, part.import_id, kind, encoded, part_number=part.number)
                self.hit(Failpoint.ROWS_KEPT)

    async def _complete(self, lease: Lease, part: Part, failures: Fetched, warnings: Fetched) -> None:
        """With the files and the counts, make the last move."""
        rows = part.rows if part.counted else rows_by_files(part.rows, failures, warnings)
        is_missing = part.results_missing or failures.is_incomplete or warnings.is_incomplete or rows.pending > 0
        counts: dict[str, Any] = {"imported": rows.imported, "failed": rows.failed, "warned": rows.warned}
        facts = counts | {"results_missing": is_missing or None}
        unplaced = len(failures.unplaced) + len(warnings.unplaced)
        values = counts | {"results_missing": is_missing, "results_late": None, "unplaced": unplaced}
        files = [(Kind.FAILURES, failures.content), (Kind.WARNINGS, warnings.content)]
        packed = {kind: await asyncio.to_thread(pack, content) for kind, content in files if content is not None}
        async with self.fenced.write(lease, share=True) as (tx, instance):
            for kind, fetched in ((Kind.FAILURES, failures), (Kind.WARNINGS, warnings)):
                await self._tell_unplaced(tx, part, kind, fetched)
            await parts.move(tx, part.id, Move.COLLECT, at=self.now(), values=values, **facts)
            for kind, blob in packed.items():
                await results.keep_file(tx, part.id, kind, blob)
        if (instance.blocked_at or instance.has_incidents) and (failures.content or warnings.content):
            async with self.fenced.write(lease) as (tx, instance):
                await self.back_off.clear(tx, instance, submitted=False)

    async def _tell_unplaced(self, tx: Transaction, part: Part, kind: Kind, fetched: Fetched) -> None:
        """Which rows of a file cannot be read, or not be found in the part: by their lines, never by what they say."""
        if fetched.unplaced:
            lock = await imports.lock_beside(tx, part.import_id)
            facts: dict[str, Any] = {"file": kind, "rows": len(fetched.unplaced)}
            facts["lines"] = list(fetched.unplaced[:LINES_TOLD])
            await events.append_of(tx, lock, Occurrence.UNPLACED, at=self.now(), part=part.number, **facts)
