"""The database of a command: opened, refused in one line, or without its schema."""

import pytest

import migrations
from tests.cli.conftest import MARKETO, Run


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
