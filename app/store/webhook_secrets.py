"""The secrets that deliveries are signed with: the only module that reads or writes them.

They have to be kept as they are: a digest cannot sign. With SLUICE_ENCRYPTION_KEYS they are sealed.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.domain.webhooks import Secrets
from app.encryption.errors import BrokenSeal
from app.store.blobs import Corrupt
from app.store.tables import webhook
from app.store.transaction import ReadTransaction, Transaction


def of_new(tx: Transaction, secret: str) -> dict[str, str]:
    """The columns of a new endpoint that hold its secret."""
    return {"secret": tx.vault.seal_secret(secret)}


def sealed_again(tx: Transaction, stored: str) -> str:
    """A stored secret as it is to be stored now. Errors: Corrupt, MissingKey."""
    return tx.vault.seal_secret(_open(tx, stored))


async def get_each(tx: ReadTransaction, webhook_ids: Collection[int]) -> dict[int, Secrets]:
    """Those of these endpoints, by endpoint. Errors: MissingKey, Corrupt."""
    columns = (webhook.c.id, webhook.c.secret, webhook.c.previous_secret, webhook.c.previous_secret_until)
    rows = await tx.execute(select(*columns).where(webhook.c.id.in_(webhook_ids)))
    return {row.id: _opened(tx, row) for row in rows}


def _opened(tx: ReadTransaction, row: Any) -> Secrets:
    previous = row.previous_secret and _open(tx, row.previous_secret)
    return Secrets(_open(tx, row.secret), previous, row.previous_secret_until)


async def replace(tx: Transaction, webhook_id: int, secret: str, *, previous_until: datetime) -> None:
    """Sign with this secret from now on, and until then with the former one too. One before that signs no more."""
    values = {
        "secret": tx.vault.seal_secret(secret),
        "previous_secret": webhook.c.secret,
        "previous_secret_until": previous_until,
    }
    await tx.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))


def _open(tx: ReadTransaction, stored: str) -> str:
    try:
        return tx.vault.open_secret(stored)
    except BrokenSeal as broken:
        raise Corrupt(f"the secret of a webhook: {broken}") from None
