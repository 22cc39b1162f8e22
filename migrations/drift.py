"""Say where the migrations and `app/store/tables.py` have drifted apart: `python -m migrations.drift`, part of `make check`."""

import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import migrations
from app.store.database import driver_url
from app.store.tables import metadata


def drift(url: str) -> list[object]:
    """What autogenerate would still change in a database that all migrations have run on. Empty: nothing."""
    migrations.upgrade(url)
    engine = create_engine(driver_url(url, asynchronous=False))
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection, opts={"compare_server_default": True})
            return list(compare_metadata(found, metadata))
    finally:
        engine.dispose()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        changes = drift(f"sqlite:///{Path(folder) / 'drift.db'}")
    for change in changes:
        print(f"drift: {change}", file=sys.stderr)
    if changes:
        print('Write a migration: make migration m="what it does"', file=sys.stderr)
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
