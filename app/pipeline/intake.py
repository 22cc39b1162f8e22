"""Intake: a request body in, a stored import out. SAFE_ACK: it answers only after the commit."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.clock import Clock
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.imports import Request
from app.files.cutting import PartFile
from app.files.prefetch import prefetch
from app.notify.wakeup import Wakeup
from app.store import imports, parts, schema
from app.store.database import Database
from app.store.idempotency import Claim, Earlier
from app.store.transaction import Transaction
from app.tracing import request_trace
from app.uploads.admission import Admission, Place
from app.uploads.arrival import Arrival, Receipt, too_slow
from app.uploads.capacity import Capacity
from app.uploads.cleanup import Cleanup
from app.uploads.descriptions import Describe
from app.uploads.findings import keep_findings
from app.uploads.first_part import first_part
from app.uploads.idempotency import Idempotency, answered_again, fingerprint
from app.uploads.incoming import FileLimits, Incoming, accept_import, incoming_of, sha256_of
from app.uploads.part_files import NOTHING_YET, add_part, part_files_of
from app.uploads.target import describe_of, described, with_dedupe_fields
from app.uploads.whole_files import WholeFiles


@dataclass(frozen=True, slots=True)
class Intake:
    """Take a file in while its bytes arrive; store it part by part; then, and only then, let the import exist."""

    db: Database
    now: Clock
    wakeup: Wakeup
    describe: Mapping[str, Describe]  # by instance
    limits: FileLimits
    capacity: Capacity
    admission: Admission
    idempotency: Idempotency
    cleanup: Cleanup
    whole_files: WholeFiles
    revision: str  # of the schema that it writes by
    hit: FailpointHit

    async def receive(self, request: Request, arrival: Arrival) -> Receipt:
        """Receive one file; the new import is committed, whole and checked. Errors: CallerError.

        With an Idempotency-Key: unless an earlier request with the same one has done so.
        """
        asking = arrival.retried_by or request.client
        if arrival.place is None:
            async with self.admission.place(asking) as place:
                return await self.receive(request, replace(arrival, place=place))
        if arrival.idempotency_key is None:
            return await self._receive(request, arrival, arrival.place, None)
        parameters = fingerprint(request, retry_of=arrival.retry_of, corrected=arrival.corrected)
        claim = await self.idempotency.claim(asking, arrival.idempotency_key, parameters)
        if isinstance(claim, Earlier):
            sha256 = await sha256_of(request, arrival, arrival.place, self.limits)
            return Receipt(answered_again(claim, sha256), replayed=True)
        async with self.idempotency.claim_guard(claim):
            touching = replace(arrival, chunks=self.idempotency.touch_while(claim, arrival.chunks))
            return await self._receive(request, touching, arrival.place, claim)

    async def _receive(self, request: Request, arrival: Arrival, place: Place, claim: Claim | None) -> Receipt:
        """Take it in. Errors: CallerError.

        1. Refuse what can be refused before a byte is read.
        2. While the bytes arrive, store each part in a short transaction of its own.
        3. Let the import exist, in one last transaction. A file of one part needs no other, and a small one shares it
           with those that come at the same time (uploads/whole_files.py).

        Whatever goes wrong on the way, nothing is left behind.
        """
        describe = describe_of(self.describe, request)
        await self.capacity.check(request.client)
        description = await described(describe, request)
        request = with_dedupe_fields(request, description)
        incoming = incoming_of(request, arrival, place, description, claim, self.limits)
        async with aclosing(
            prefetch(part_files_of(incoming.file, arrival.chunks, place, heavy=arrival.packed), after=2)
        ) as part_files:
            begun = [await first_part(part_files, incoming, describe)]
            if (second := await anext(part_files, None)) is None:
                import_ = await self.whole_files.keep(incoming, begun.pop())
                receipt = Receipt(import_.id, import_)
                self.capacity.backlog.add(request.client)
            else:
                begun += [] if second is NOTHING_YET else [second]
                del second  # a part is some megabytes: it is let go once it is stored
                receipt = Receipt(await self._keep_parts(incoming, begun, part_files))
                self.capacity.backlog.forget()
        self.hit(Failpoint.ACCEPTED)
        request_trace().note(import_id=receipt.import_id)
        self.wakeup.send()
        return receipt

    async def _keep_parts(self, incoming: Incoming, begun: list[PartFile], rest: AsyncIterator[PartFile]) -> int:
        async with self.db.write() as tx:
            await schema.check(tx, self.revision)
            import_id = await imports.begin(tx, incoming.request, at=self.now(), origin=incoming.origin)
        self.hit(Failpoint.BEGUN)
        incoming.place.first_awaits_more = False
        try:
            while begun:
                await self._keep_part(import_id, incoming, begun.pop(0))
            async for part_file in rest:
                if part_file is not NOTHING_YET:
                    await self._keep_part(import_id, incoming, part_file)
            incoming.arrival.check_digest(incoming.file.sha256)
            async with self.db.write() as tx:
                await schema.check(tx, self.revision)
                await self._accept(tx, import_id, incoming)
        except BaseException:
            await asyncio.shield(self.cleanup.take_back_upload(import_id))
            raise
        return import_id

    async def _keep_part(self, import_id: int, incoming: Incoming, part_file: PartFile) -> None:
        self.capacity.check_disk()
        incoming.place.check()
        async with incoming.place.storing(), self.db.write() as tx:
            if not await imports.touch(tx, import_id, at=self.now()):
                raise too_slow()
            await add_part(tx, import_id, incoming.request, part_file)
        incoming.place.moved()
        self.hit(Failpoint.PART_STORED)

    async def _accept(self, tx: Transaction, import_id: int, incoming: Incoming) -> None:
        """Let the import exist, and its parts wait. Errors: TooSlow, where the upload was given up meanwhile."""
        at = self.now()
        accepted = await accept_import(tx, import_id, incoming, at=at)
        if accepted is None:
            raise too_slow()
        if incoming.claim:
            await self.idempotency.keep(tx, incoming.claim, import_id=import_id, file_sha256=incoming.file.sha256)
        await keep_findings(tx, accepted.lock, incoming, at=at)
        await parts.release(tx, accepted, due_at=incoming.request.not_before, at=at)
