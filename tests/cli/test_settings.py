"""`sluice settings`: where each value comes from, and one line for each mistake."""

from tests.cli.conftest import MARKETO, Run


def test_an_unknown_variable_and_a_bad_value_get_a_line_each(sluice: Run):
    """All at once, so that a start needs one round of mending."""
    result = sluice("settings", PART_BITES=1, PORT="x", TICK_SECONDS=0)
    assert result.returncode == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "SLUICE_PART_BITES",
        "SLUICE_PORT",
        "SLUICE_TICK_SECONDS",
    ]


def test_settings_say_where_they_come_from_and_keep_secrets(sluice: Run):
    """A password in the database URL is a secret too."""
    result = sluice("settings", DATABASE_URL="postgresql://sluice:hush@db.example.com/sluice", PORT=8001, **MARKETO)
    assert result.returncode == 0
    assert "hush" not in result.stdout + result.stderr
    assert "a-very-secret-secret" not in result.stdout + result.stderr
    rows = {cells[1]: cells[2:] for line in result.stdout.splitlines() if len(cells := line.split("│")) > 3}
    found = {name.strip(): [cell.strip() for cell in cells[:2]] for name, cells in rows.items()}
    assert found["SLUICE_PORT"] == ["8001", "environment"]
    assert found["SLUICE_PART_BYTES"] == ["9900000", "default"]
    assert found["SLUICE_INSTANCES__DEFAULT__BASE_URL"] == ["https://marketo.example.com", "environment"]
