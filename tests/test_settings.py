"""The settings: their names and defaults, where they come from, and what is refused."""

import re
from pathlib import Path

import pytest

from app.settings import InstanceSettings, Settings, SettingsError, load, sources

PAGE = Path(__file__).parents[1] / "docs" / "operating.md"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"SLUICE_{name}", value)
    return load()


INSTANCE = {
    "INSTANCES__EU_WEST__BASE_URL": "https://123-abc-456.example.com/rest/",
    "INSTANCES__EU_WEST__CLIENT_ID": "id",
    "INSTANCES__EU_WEST__CLIENT_SECRET": "hush",
}


def test_an_instance_is_named_by_its_variables(monkeypatch: pytest.MonkeyPatch):
    """In lower case; a trailing /rest and / are tolerated; the identity URL follows."""
    (name, instance), *none = configured(monkeypatch, **INSTANCE).instances.items()
    assert (name, none) == ("eu_west", [])
    assert instance.base_url == "https://123-abc-456.example.com"
    assert instance.identity == "https://123-abc-456.example.com/identity"
    assert "hush" not in repr(instance)


def test_the_environment_wins_over_the_secrets_directory_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """And `sources` says which."""
    (tmp_path / ".env").write_text("SLUICE_PORT=1\nSLUICE_TICK_SECONDS=1.5\n")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "SLUICE_STUCK_SECONDS").write_text("60")
    known = configured(monkeypatch, PORT="2", SECRETS_DIR=str(secrets))
    assert (known.port, known.tick_seconds, known.stuck_seconds) == (2, 1.5, 60)
    found = {name: (value, where) for name, value, where in sources(known)}
    assert found["SLUICE_PORT"] == ("2", "environment")
    assert found["SLUICE_TICK_SECONDS"] == ("1.5", ".env")
    assert found["SLUICE_STUCK_SECONDS"] == ("60.0", "secrets directory")
    assert found["SLUICE_PART_BYTES"] == ("9900000", "default")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db.example.com/sluice"),
        ("DATABASE_URL", "sqlite:///"),
        ("PART_BYTES", "10000001"),
        ("TICK_SECONDS", "0"),
        ("INSTANCES__EU_WEST__MAX_QUEUED", "11"),
        ("INSTANCES__EU_WEST__MAX_IMPORTING", "3"),
        ("INSTANCES__EU_WEST__MAXQUEUED", "5"),
        ("INSTANCES__EU_WEST__BASE_URL", "123-abc-456"),
        ("AUTH", "maybe"),
        ("PORTT", "1"),
        ("SECRETS_DIR", "/no/such/directory"),
    ],
)
def test_a_bad_value_or_an_unknown_name_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    """Nothing starts with a setting that somebody meant otherwise."""
    with pytest.raises(SettingsError) as refused:
        configured(monkeypatch, **INSTANCE | {name: value})
    (line,) = refused.value.lines
    assert line.startswith(f"SLUICE_{name}:")


def test_polls_must_be_in_order(monkeypatch: pytest.MonkeyPatch):
    """The least wait is not the longest."""
    with pytest.raises(SettingsError, match="SLUICE_POLL_MIN_SECONDS is larger"):
        configured(monkeypatch, POLL_MIN_SECONDS="60")


def test_every_setting_is_described_and_stands_in_the_operating_page():
    """With its default, so that the page cannot fall behind."""
    page = PAGE.read_text()
    for name, field in Settings.model_fields.items():
        assert field.description or name == "instances", name
        assert f"`SLUICE_{name.upper()}" in page, name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert re.search(rf"\b{field.default:g}\b|{field.default}", page), name
    for name, field in InstanceSettings.model_fields.items():
        assert field.description, name
        assert f"{name.upper()}`" in page, name
