"""Whose schema it is: the revision that the database is at, and the oldest one whose code may work with it.

Versions work side by side for as long as the newer schema only has more than the older one: see docs/operating.md.
"""

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.database import WrongSchema

REVISION = text("SELECT version_num FROM alembic_version")
OLDEST = text("SELECT oldest_revision FROM alembic_version")


async def revision(tx: AsyncConnection) -> str | None:
    row: str | None = (await tx.execute(REVISION)).scalar_one_or_none()
    return row


def refusal(revision: str | None, needed: str, oldest: str | None = None) -> str | None:
    """Why nothing may be written; None where the schema is the one that is needed, or has all of it.

    `oldest`: the oldest revision whose code may work with a newer schema, as that schema says; None if it does not.
    """
    if revision == needed or (is_newer(revision, needed) and oldest is not None and needed >= oldest):
        return None
    if is_newer(revision, needed):
        return f"its schema is at {revision}, and this version knows {needed}: run the newer version"
    return f"its schema is at {revision}, this version needs {needed}: run `sluice migrate`"


def is_newer(revision: str | None, needed: str) -> bool:
    return revision is not None and revision > needed  # revisions are numbered


async def why_not(tx: AsyncConnection, needed: str) -> str | None:
    """Why nothing may be written by code that needs this revision; None where it may."""
    found = await revision(tx)
    return refusal(found, needed, await _oldest(tx) if is_newer(found, needed) else None)


async def check(tx: AsyncConnection, needed: str) -> None:
    """In the transaction that is about to write. Errors: WrongSchema."""
    if why := await why_not(tx, needed):
        raise WrongSchema(why)


async def _oldest(tx: AsyncConnection) -> str | None:
    """None where the schema does not say it."""
    if not await tx.run_sync(says_the_oldest):
        return None
    row: str | None = (await tx.execute(OLDEST)).scalar_one_or_none()
    return row


def says_the_oldest(connection: Connection) -> bool:
    """False for a schema of a version that knew nothing of this."""
    return any(column["name"] == "oldest_revision" for column in inspect(connection).get_columns("alembic_version"))
