"""Stores files that are one part, and lets their imports exist. Small ones that come together share a transaction.

SAFE_ACK, idempotency and every error stay each caller's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app.batcher import Batch, Batcher
from app.clock import Clock
from app.domain.errors import CallerError
from app.domain.imports import Import
from app.files.cutting import PartFile
from app.store import schema, small_imports
from app.store.database import AWAY, Database
from app.store.small_imports import SmallImport
from app.tracing import NO_TRACER, Tracer
from app.uploads.findings import keep_findings
from app.uploads.idempotency import Idempotency
from app.uploads.incoming import Incoming
from app.uploads.part_files import new_part

SMALL_BYTES = 1 << 16  # of a part, as it is stored: a transaction may have many of these
MOST = 100  # in one transaction


class WholeFile(NamedTuple):
    """A file that is read to its end, and is one part."""

    incoming: Incoming
    part_file: PartFile


@dataclass(slots=True)
class WholeFiles:
    db: Database
    now: Clock
    idempotency: Idempotency
    revision: str  # of the schema that it writes by
    tracer: Tracer = NO_TRACER
    _batcher: Batcher[WholeFile, Import] = field(init=False)

    def __post_init__(self) -> None:
        self._batcher = Batcher(self._store, most=MOST)

    async def keep(self, incoming: Incoming, part_file: PartFile) -> Import:
        """Store it; the import that is made of it, as it stands now. Errors: CallerError."""
        incoming.arrival.check_digest(incoming.file.sha256)
        whole = WholeFile(incoming, part_file)
        if part_file.memory_bytes <= SMALL_BYTES and incoming.arrival.retry_of is None:
            return await self._batcher.ask(whole)
        async with incoming.place.storing():  # a retry locks the import whose rows it has, and nobody waits for that
            (kept,) = await self._store_together([whole])
        if isinstance(kept, CallerError):
            raise kept
        return kept

    async def _store(self, batch: Batch[WholeFile, Import]) -> Sequence[Import | Exception]:
        """In no request's context, but in a trace of its own, which is linked to those of all the requests."""
        links = [each.incoming.origin.traceparent or "" for each in batch.requests]
        with self.tracer.span("store imports", facts={"imports": len(links)}, links=links):
            return await self._store_each(batch)

    async def _store_each(self, batch: Batch[WholeFile, Import]) -> Sequence[Import | Exception]:
        try:
            return await self._store_together(batch.requests)
        except AWAY:
            raise
        except Exception:
            if len(batch.requests) == 1:
                raise
            return [await self._store_alone(whole) for whole in batch.requests]  # whichever it was harms no other

    async def _store_alone(self, whole: WholeFile) -> Import | Exception:
        try:
            (kept,) = await self._store_together([whole])
        except Exception as mistake:  # noqa: BLE001  # it is its caller's
            return mistake
        return kept

    async def _store_together(self, files: Sequence[WholeFile]) -> list[Import | CallerError]:
        """In one transaction. Those whose Idempotency-Key was taken over meanwhile are not stored."""
        async with self.db.write() as tx:
            await schema.check(tx, self.revision)
            claims = [incoming.claim for incoming, _ in files if incoming.claim]
            lost = await self.idempotency.lost(tx, claims) if claims else {}
            stored = [whole for whole in files if whole.incoming.claim not in lost]
            at = self.now()
            new = [self._small(whole, at) for whole in stored]
            made = await small_imports.add_all(tx, new, at=at) if new else []
            kept = {
                incoming.claim: (import_.id, incoming.file.sha256)
                for (incoming, _), (_, import_) in zip(stored, made, strict=True)
                if incoming.claim
            }
            if kept:
                await self.idempotency.keep_all(tx, kept)
            for whole, (lock, _) in zip(stored, made, strict=True):
                await keep_findings(tx, lock, whole.incoming, at=at)
        imports = iter(import_ for _, import_ in made)
        return [lost[claim] if (claim := whole.incoming.claim) in lost else next(imports) for whole in files]

    @staticmethod
    def _small(whole: WholeFile, at: datetime) -> SmallImport:
        incoming = whole.incoming
        return SmallImport(
            request=incoming.request,
            origin=incoming.origin,
            file=incoming.source,
            columns=incoming.file.columns,
            left_out=incoming.left_out(),
            review_until=incoming.review_until(at),
            part=new_part(whole.part_file),
        )
