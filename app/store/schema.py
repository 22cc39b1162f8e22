"""The schema's revision, as it stands in the database."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.database import WrongSchema

REVISION = text("SELECT version_num FROM alembic_version")


async def revision(tx: AsyncConnection) -> str | None:
    row: str | None = (await tx.execute(REVISION)).scalar_one_or_none()
    return row


def refusal(revision: str | None, needed: str) -> str | None:
    """Why nothing may be written; None where the schema is the one that is needed."""
    if revision == needed:
        return None
    if revision is not None and revision > needed:  # revisions are numbered
        return f"its schema is at {revision}, and this version knows {needed}: run the newer version"
    return f"its schema is at {revision}, this version needs {needed}: run `sluice migrate`"


async def check(tx: AsyncConnection, needed: str) -> None:
    """In the transaction that is about to write. Errors: WrongSchema."""
    if why := refusal(await revision(tx), needed):
        raise WrongSchema(why)
