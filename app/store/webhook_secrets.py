"""The secrets that deliveries are signed with: the only module that reads or writes them.

They have to be kept as they are: a digest cannot sign.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.webhooks import Secrets
from app.store.tables import webhook
from app.store.transaction import Transaction


def of_new(secret: str) -> dict[str, str]:
    """The columns of a new endpoint that hold its secret."""
    return {"secret": secret}


async def get_each(tx: AsyncConnection, webhook_ids: Collection[int]) -> dict[int, Secrets]:
    """Those of these endpoints, by endpoint."""
    columns = (webhook.c.id, webhook.c.secret, webhook.c.previous_secret, webhook.c.previous_secret_until)
    rows = await tx.execute(select(*columns).where(webhook.c.id.in_(webhook_ids)))
    return {webhook_id: Secrets(*secrets) for webhook_id, *secrets in rows}


async def replace(tx: Transaction, webhook_id: int, secret: str, *, previous_until: datetime) -> None:
    """Sign with this secret from now on, and until then with the former one too. One before that signs no more."""
    values = {"secret": secret, "previous_secret": webhook.c.secret, "previous_secret_until": previous_until}
    await tx.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))
