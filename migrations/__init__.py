"""The schema's history (Alembic). `upgrade(url)` brings a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.store.database import driver_url


def config(url: str | None = None) -> Config:
    """Alembic's configuration for the plain URL of the settings."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.attributes["url"] = url
    return found


def upgrade(url: str, to: str = "head") -> None:
    command.upgrade(config(url), to)


def downgrade(url: str, to: str = "base") -> None:
    command.downgrade(config(url), to)


def head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def revision(url: str) -> str | None:
    """The revision that a database is at; None for an empty one."""
    engine = create_engine(driver_url(url, asynchronous=False))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
