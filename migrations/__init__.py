"""The schema's history (Alembic). `upgrade(url)` brings a database up to date.

Alembic itself is imported by what moves a schema, and by nothing else: a service whose schema is current does without
it, and the eight megabytes that it takes.
"""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect

from app.store.database import driver_url, postgres_options
from app.store.schema import OLDEST, REVISION, says_the_oldest

VERSIONS = Path(__file__).parent / "versions"


class StillLocked(Exception):
    """Somebody has used a table for so long that a migration could not change it. It can be tried again."""


def config(url: str | None = None) -> Any:
    """Alembic's configuration for the plain URL of the settings."""
    found = importlib.import_module("alembic.config").Config()
    found.set_main_option("script_location", str(VERSIONS.parent))
    found.attributes["url"] = url
    return found


def upgrade(url: str, to: str = "head") -> None:
    """Errors: StillLocked."""
    importlib.import_module("alembic.command").upgrade(config(url), to)


def downgrade(url: str, to: str = "base") -> None:
    importlib.import_module("alembic.command").downgrade(config(url), to)


@cache
def head() -> str:
    """The newest revision: migrations are numbered."""
    return max(path.name for path in VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def revision(url: str) -> str | None:
    """The revision that a database is at; None for an empty one."""
    return revisions(url)[0]


def revisions(url: str) -> tuple[str | None, str | None]:
    """The revision that a database is at, and the oldest one whose code may work with it; None for what it does not say."""
    options = {} if url.startswith("sqlite") else postgres_options(url)
    engine = create_engine(driver_url(url, asynchronous=False), connect_args=options)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None, None
            oldest = connection.execute(OLDEST).scalar_one_or_none() if says_the_oldest(connection) else None
            return connection.execute(REVISION).scalar_one_or_none(), oldest
    finally:
        engine.dispose()
