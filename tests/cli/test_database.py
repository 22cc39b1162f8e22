"""The database of a command: opened, refused in one line, or without its schema."""

import os
import uuid
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine, text

import migrations
from app.store.database import driver_url
from tests.cli.conftest import MARKETO, Run
from tests.support.databases import named
from tests.support.patience import wait_until
from tests.support.processes import Anew, free_port


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/sluice.db", "postgresql://a:b@127.0.0.1:1/sluice"])
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_cannot_be_opened_is_one_line(sluice: Run, command: str, url: str):
    """Which names the variable to mend."""
    result = sluice(command, DATABASE_URL=url, AUTH="off", PORT=0, **MARKETO)
    assert result.returncode == 1
    assert result.stderr.startswith("SLUICE_DATABASE_URL: the database cannot be opened")
    assert len(result.stderr.splitlines()) == 1


def test_serve_refuses_a_postgres_without_the_schema(sluice: Run, postgres_server: str, empty_database_url: str):
    """And goes on once `sluice migrate` has run; on SQLite it sees to that itself."""
    if empty_database_url.startswith("sqlite"):
        assert f"revision {migrations.head()}" in sluice("migrate", DATABASE_URL=empty_database_url).stdout
        return
    settings = MARKETO | {"AUTH": "off", "DATABASE_URL": empty_database_url}
    result = sluice("serve", **settings)
    assert (result.returncode, "sluice migrate" in result.stderr) == (1, True), result.stderr
    assert sluice("migrate", **settings).returncode == 0
    assert sluice("migrate", **settings).returncode == 0, "a second time is no harm"


@pytest.mark.parametrize("may_work", [True, False])
def test_a_newer_schema_is_left_as_it_is(sluice: Run, empty_database_url: str, may_work: bool):
    """After a step back to the version before, `migrate` has nothing to do, unless that version cannot work with it."""
    migrations.upgrade(empty_database_url)
    oldest = migrations.head() if may_work else "9999"
    engine = create_engine(driver_url(empty_database_url, asynchronous=False))
    with engine.begin() as line:
        line.execute(text(f"UPDATE alembic_version SET version_num = '9999', oldest_revision = '{oldest}'"))
    engine.dispose()
    result = sluice("migrate", DATABASE_URL=empty_database_url)
    refused = sluice("check-database", DATABASE_URL=empty_database_url)
    why = f"its schema is at 9999, and this version knows {migrations.head()}: run the newer version.\n"
    said = "The schema is at revision 9999.\n" if may_work else f"SLUICE_DATABASE_URL: {why}"
    assert (result.returncode, result.stdout + result.stderr) == (0 if may_work else 1, said)
    assert (refused.returncode, why in refused.stderr) == ((0, False) if may_work else (1, True))


def test_migrate_waits_for_a_database_that_is_still_being_set_up(tmp_path: Path, postgres_server: str):
    """And goes on by itself, having said once what it waits for."""
    name = f"late_{uuid.uuid4().hex}"
    bare = {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}
    variables = bare | {"SLUICE_DATABASE_URL": named(postgres_server, name)}
    with (tmp_path / "log").open("wb") as log:
        child = Anew("app", ("migrate", "--wait", "600"), variables, tmp_path, log)
    try:
        wait_until(lambda: "Waiting for" in (tmp_path / "log").read_text(), "the command to wait")
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        assert child.ended() == 0
    finally:
        child.kill()
        child.wait()
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    said = (tmp_path / "log").read_text()
    assert said.count("does not exist. Waiting for 600 seconds at most.") == 1
    assert f"The schema is at revision {migrations.head()}." in said


def test_migrate_waits_no_longer_than_it_is_told(sluice: Run):
    """Then it fails as without waiting."""
    nowhere = f"postgresql://a:b@127.0.0.1:{free_port()}/sluice"
    result = sluice("migrate", "--wait", "0.2", DATABASE_URL=nowhere)
    assert result.returncode == 1
    first, last = result.stderr.splitlines()
    assert first == f"{last}. Waiting for 0 seconds at most."
