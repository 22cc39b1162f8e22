"""What Marketo's describe said of an object, and when: asked once a day, by any process for all of them."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.answers import Description, Field
from app.store.dialects import upsert
from app.store.tables import description
from app.store.transaction import Transaction


async def get(tx: AsyncConnection, instance: str, object_: str) -> tuple[Description, datetime] | None:
    """(what was said, when)."""
    query = select(description).where(description.c.instance == instance, description.c.object == object_)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return Description(tuple(Field(**field) for field in row.fields), tuple(row.dedupe_fields)), row.fetched_at


async def keep(tx: Transaction, instance: str, object_: str, said: Description, *, at: datetime) -> None:
    values = {
        "fetched_at": at,
        "fields": [asdict(field) for field in said.fields],
        "dedupe_fields": list(said.dedupe_fields),
    }
    await tx.execute(
        upsert(tx, description)
        .values(instance=instance, object=object_, **values)
        .on_conflict_do_update(index_elements=["instance", "object"], set_=values)
    )
