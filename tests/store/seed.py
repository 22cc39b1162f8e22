"""Imports and parts put straight into a database."""

from datetime import UTC, datetime

from app.domain.imports import Request, SourceFile
from app.domain.objects import Leads
from app.domain.parts import Part
from app.domain.webhooks import WebhookEvent
from app.store import imports, instances, part_queries, parts, webhooks
from app.store.database import Database
from app.store.parts import NewPart
from app.store.transaction import Transaction

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


async def an_import(
    db: Database, *, parts_count: int = 1, rows: int = 3, review_until: datetime | None = None, **request: object
) -> int:
    """An accepted import with so many waiting parts of so many rows each; with `review_until` it is under review."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default", "other"])
        asked = Request(**{"target": Leads(), **request})
        import_id = await imports.begin(tx, asked, at=AT)
        for number in range(1, parts_count + 1):
            first_row = 1 + rows * (number - 1)
            new = NewPart(number, first_row=first_row, rows=rows, size_bytes=8, blob=b"blob")
            await parts.add(tx, import_id, asked, new)
        file = SourceFile(None, 8, "00", rows * parts_count)
        accepted = await imports.accept(tx, import_id, file=file, columns=["email"], at=AT, review_until=review_until)
        assert accepted is not None
        await parts.release(tx, accepted, at=AT)
    return import_id


async def parts_of(db: Database, import_id: int) -> list[Part]:
    async with db.read() as tx:
        return await part_queries.of_import(tx, import_id)


async def a_webhook(tx: Transaction, *, client: str | None = None, events: tuple[str, ...] = ()) -> int:
    """An endpoint for these events, or for all."""
    return await webhooks.add(
        tx,
        client=client,
        url="https://hooks.example.com/sluice",
        description=None,
        events=[WebhookEvent(event) for event in events or WebhookEvent],
        secret="whsec_Zmlyc3Q=",
        at=AT,
    )
