"""The settings: their names and defaults, where they come from, and what is refused."""

import re
from pathlib import Path

import pytest

from app.settings import InstanceSettings, Settings, SettingsError, exactly, load, sources

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
        ("DATABASE_URL", "sqlite:///sluice.db?timeout=60"),
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


@pytest.mark.parametrize("where", ["file", "secrets"])
def test_an_unknown_name_is_noticed_wherever_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str):
    """A typing error in `.env` must not pass in silence."""
    if where == "file":
        (tmp_path / ".env").write_text("SLUICE_PORTT=1\nOTHER=2\n")
    else:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "sluice_portt").write_text("1")
        monkeypatch.setenv("SLUICE_SECRETS_DIR", str(tmp_path / "secrets"))
    with pytest.raises(SettingsError, match="SLUICE_PORTT: no such setting"):
        load()


def test_an_unknown_name_of_an_instance_is_told_as_any_other(monkeypatch: pytest.MonkeyPatch):
    """In the same words, wherever it is nested."""
    with pytest.raises(SettingsError, match="SLUICE_INSTANCES__DEFAULT__CLIENTID: no such setting"):
        configured(monkeypatch, INSTANCES__DEFAULT__CLIENTID="x")


def test_what_should_be_json_and_is_not_is_one_line(monkeypatch: pytest.MonkeyPatch):
    """Not a traceback."""
    with pytest.raises(SettingsError, match="SLUICE_INSTANCES: is not JSON"):
        configured(monkeypatch, INSTANCES="{")


@pytest.mark.parametrize(
    "url", ["postgresql://sluice:hush@db.example.com/sluice", "postgresql://db.example.com/sluice?password=hush"]
)
def test_a_password_in_the_database_url_is_masked_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, url: str):
    """`sluice settings` is shown to others."""
    shown = {name: value for name, value, _ in sources(configured(monkeypatch, DATABASE_URL=url))}
    assert "hush" not in shown["SLUICE_DATABASE_URL"]
    assert "db.example.com/sluice" in shown["SLUICE_DATABASE_URL"]


def test_the_demo_s_settings_come_from_nowhere_else(monkeypatch: pytest.MonkeyPatch):
    """Or it would run differently on every machine."""
    monkeypatch.setenv("SLUICE_PORT", "1")
    monkeypatch.setenv("SLUICE_INSTANCES__DEFAULT__IDENTITY_URL", "http://elsewhere.example.com")
    assert exactly(instances={}).port == 8000
    assert exactly(instances={}).instances == {}


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
