"""The settings: their names and defaults, where they come from, and what is refused."""

import json
import os
import re
from pathlib import Path

import pytest

from app.settings import InstanceSettings, Settings, SettingsError, exactly, load, sources, trace_exporters

PAGE = Path(__file__).parents[1] / "docs" / "operating.md"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"SLUICE_{name}", value)
    return load()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The secrets directory, empty as yet."""
    directory = tmp_path / "secrets"
    directory.mkdir()
    monkeypatch.setenv("SLUICE_SECRETS_DIR", str(directory))
    return directory


def wheres(settings: Settings) -> dict[str, str]:
    return {name: where for name, _, where in sources(settings)}


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


@pytest.mark.parametrize(
    ("name", "values"),
    [("PORT", ("1", "2", "3")), ("INSTANCES__EU_WEST__CLIENT_ID", ("one", "two", "three"))],
    ids=["a setting", "an instance's"],
)
def test_the_environment_wins_over_the_file_and_that_over_the_secrets_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets: Path, name: str, values: tuple[str, str, str]
):
    """And `sources` says which."""
    for knob, value in INSTANCE.items():
        (secrets / f"SLUICE_{knob}").write_text(value)
    name = f"SLUICE_{name}"
    in_the_environment, in_the_file, in_the_directory = values

    def shown() -> tuple[str, str]:
        return next((value, where) for known, value, where in sources(load()) if known == name)

    (secrets / name).write_text(in_the_directory)
    assert shown() == (in_the_directory, "secrets directory")
    (tmp_path / ".env").write_text(f"{name}={in_the_file}\n")
    assert shown() == (in_the_file, ".env")
    monkeypatch.setenv(name, "")
    assert shown() == (in_the_file, ".env")
    monkeypatch.setenv(name, in_the_environment)
    assert shown() == (in_the_environment, "environment")


def test_what_is_set_nowhere_is_the_default(monkeypatch: pytest.MonkeyPatch):
    """An instance's settings too."""
    where = wheres(configured(monkeypatch, **INSTANCE))
    assert where["SLUICE_PART_BYTES"] == "default"
    assert where["SLUICE_INSTANCES__EU_WEST__MAX_QUEUED"] == "default"


@pytest.mark.parametrize("spelt", [str.upper, str.lower])
def test_the_secrets_directory_may_hold_a_whole_instance(secrets: Path, spelt):
    """One file for each variable; capitals do not matter, nor does a line's end."""
    for name, value in INSTANCE.items():
        (secrets / spelt(f"SLUICE_{name}")).write_text(f"{value}\n")
    known = load()
    instance = known.instances["eu_west"]
    assert (instance.base_url, instance.client_id) == ("https://123-abc-456.example.com", "id")
    assert instance.client_secret.get_secret_value() == "hush"
    assert {wheres(known)[f"SLUICE_{name}"] for name in INSTANCE} == {"secrets directory"}


def test_an_instance_may_be_set_here_and_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets: Path):
    """What is plain in the environment and in `.env`, what is secret in the directory."""
    url, client_id, client_secret = (f"SLUICE_{name}" for name in INSTANCE)
    monkeypatch.setenv(url, "https://123-abc-456.example.com")
    (tmp_path / ".env").write_text(f"{client_id}=id\n")
    (secrets / client_secret).write_text("hush")
    known = load()
    assert known.instances["eu_west"].client_secret.get_secret_value() == "hush"
    where = wheres(known)
    assert [where[name] for name in (url, client_id, client_secret)] == ["environment", ".env", "secrets directory"]


@pytest.mark.parametrize("place", ["environment", ".env", "secrets directory"])
@pytest.mark.parametrize("depth", ["INSTANCES", "INSTANCES__EU_WEST"])
def test_an_instance_in_json_is_shown_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets: Path, place: str, depth: str
):
    """All of them at once or one by one; a variable of its own goes before, in the same place."""
    knobs = {"base_url": "https://123-abc-456.example.com", "client_id": "other", "client_secret": "hush"}
    given = {
        f"SLUICE_{depth}": json.dumps({"eu_west": knobs} if depth == "INSTANCES" else knobs),
        "SLUICE_INSTANCES__EU_WEST__CLIENT_ID": "id",
    }
    for name, value in given.items():
        if place == "environment":
            monkeypatch.setenv(name, value)
        elif place == "secrets directory":
            (secrets / name).write_text(value)
    if place == ".env":
        (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in given.items()))
    known = load()
    assert known.instances["eu_west"].client_id == "id"
    assert {wheres(known)[f"SLUICE_{name}"] for name in INSTANCE} == {place}
    assert wheres(known)["SLUICE_INSTANCES__EU_WEST__MAX_QUEUED"] == "default"


def test_a_secret_that_kubernetes_mounts_is_read(secrets: Path, tmp_path: Path):
    """Every file is a link into a directory that is itself a link. What is not ours, text or not, is left alone."""
    turn = secrets / "..2026_11_25_07_47_59.123456789"
    turn.mkdir()
    (secrets / "..data").symlink_to(turn.name)
    for name, value in INSTANCE.items():
        (turn / f"SLUICE_{name}").write_text(value)
        (secrets / f"SLUICE_{name}").symlink_to(f"..data/SLUICE_{name}")
    (secrets / "keystore.p12").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "elsewhere").write_text("60")
    (secrets / "SLUICE_STUCK_SECONDS").symlink_to(tmp_path / "elsewhere")
    known = load()
    assert known.instances["eu_west"].client_secret.get_secret_value() == "hush"
    assert known.stuck_seconds == 60


def test_a_secret_that_cannot_be_read_is_one_line(secrets: Path):
    """Nothing starts with a secret that somebody meant to give."""
    (secrets / "SLUICE_API_KEY").mkdir()
    (secrets / "SLUICE_PORT").symlink_to("nowhere")
    (secrets / "SLUICE_URL").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError) as refused:
        load()
    assert refused.value.lines == [
        "SLUICE_API_KEY: its file cannot be read: Is a directory",
        "SLUICE_PORT: its file cannot be read: No such file or directory",
        "SLUICE_URL: its file is not UTF-8",
    ]


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
        ("KEEP_ALIVE_SECONDS", "0"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.1,,10.0.0.2"),
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


@pytest.mark.parametrize("where", ["environment", "file", "secrets"])
@pytest.mark.parametrize("name", ["PORTT", "INSTANCES__EU_WEST__NONSENSE"])
def test_an_unknown_name_is_noticed_wherever_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets: Path, where: str, name: str
):
    """A typing error must not pass in silence, however nested; it is told in the same words."""
    if where == "environment":
        monkeypatch.setenv(f"SLUICE_{name}", "1")
    elif where == "file":
        (tmp_path / ".env").write_text(f"SLUICE_{name}=1\nOTHER=2\n")
    else:
        (secrets / f"sluice_{name.lower()}").write_text("1")
    with pytest.raises(SettingsError) as refused:
        configured(monkeypatch, **INSTANCE)
    assert refused.value.lines == [f"SLUICE_{name}: no such setting (see `sluice settings`)"]


def service_links(family: str) -> dict[str, str]:
    """What Kubernetes sets for a Service with one port, by the names of its documentation."""
    address = "10.96.7.1"
    return {
        f"{family}_SERVICE_HOST": address,
        f"{family}_SERVICE_PORT": "8000",
        f"{family}_SERVICE_PORT_HTTP": "8000",
        f"{family}_PORT": f"tcp://{address}:8000",
        f"{family}_PORT_8000_TCP": f"tcp://{address}:8000",
        f"{family}_PORT_8000_TCP_PROTO": "tcp",
        f"{family}_PORT_8000_TCP_PORT": "8000",
        f"{family}_PORT_8000_TCP_ADDR": address,
    }


@pytest.mark.parametrize("family", ["SLUICE", "SLUICE_API", "SLUICE_METRICS_AUTH"])
def test_the_variables_of_a_kubernetes_service_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, family: str
):
    """Every pod gets them; the port is then what is set elsewhere, and nobody takes the address for one."""
    for name, value in service_links(family).items():
        monkeypatch.setenv(name, value)
    assert load().port == 8000
    (tmp_path / ".env").write_text("SLUICE_PORT=8001\nSLUICE_METRICS_AUTH=on\n")
    known = load()
    assert (known.port, known.metrics_auth) == (8001, "on")
    assert wheres(known)["SLUICE_PORT"] == ".env"


def test_a_port_that_is_set_beside_a_kubernetes_service_counts(monkeypatch: pytest.MonkeyPatch):
    """A pod's own variable goes before the Service's of that name; the others of the family are still there."""
    for name, value in service_links("SLUICE").items():
        monkeypatch.setenv(name, value)
    assert configured(monkeypatch, PORT="8001").port == 8001


@pytest.mark.parametrize("without", ["SLUICE_SERVICE_HOST", "SLUICE_PORT_8000_TCP"])
def test_nothing_is_tolerated_that_only_looks_like_a_kubernetes_service(monkeypatch: pytest.MonkeyPatch, without: str):
    """The family is tolerated as a whole; a typing error beside it, or a part of it alone, is told."""
    for name, value in service_links("SLUICE").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLUICE_PORTT", "1")
    with pytest.raises(SettingsError) as refused:
        load()
    assert refused.value.lines == ["SLUICE_PORTT: no such setting (see `sluice settings`)"]
    monkeypatch.delenv(without)
    with pytest.raises(SettingsError) as refused:
        load()
    assert "SLUICE_PORT_8000_TCP_ADDR: no such setting (see `sluice settings`)" in refused.value.lines


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


@pytest.mark.parametrize(
    ("said", "exporters"),
    [
        ({}, ()),
        ({"OTEL_TRACES_EXPORTER": "none"}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp_proto_http",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ("console", "otlp_proto_http")),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, ("otlp_proto_http",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, ("otlp_proto_http",)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_TRACES_EXPORTER": "none"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_SDK_DISABLED": "True"}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ("otlp_proto_grpc",)),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, ("http/json",)),
        ({"OTEL_SERVICE_NAME": "ours", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "x"}, ()),
    ],
)
def test_the_variables_of_opentelemetry_say_whether_there_are_traces(
    said: dict[str, str], exporters: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    """Off where nothing is said of traces, though OpenTelemetry's own default would be to look for a collector."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert trace_exporters() == exporters
