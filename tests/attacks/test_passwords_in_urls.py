"""What opens something stands in a URL: no command, answer or log line shows it, whatever is wrong with it."""

import asyncio

import httpx
import pytest

from app.cli.server import running
from app.settings import InstanceSettings, SettingsError, load
from tests.cli.conftest import Run, sluice
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import Stage, stage_settings, staged

__all__ = ["log", "sluice"]
HUSH = "hush-hush"
INSTANCE = {"client_id": "id", "client_secret": HUSH}


def test_sluice_settings_shows_none_of_them(sluice: Run):
    """In its table as in JSON."""
    given = {
        "DATABASE_URL": f"postgresql://me:{HUSH}@db.example.com/sluice?sslpassword={HUSH}",
        "URL": f"https://me:{HUSH}@sluice.example.com",
        "API_KEY": HUSH,
        "INSTANCES__DEFAULT__BASE_URL": f"https://me:{HUSH}@marketo.example.com/rest",
        "INSTANCES__DEFAULT__IDENTITY_URL": f"https://{HUSH}@marketo.example.com/identity",
        "INSTANCES__DEFAULT__CLIENT_ID": "id",
        "INSTANCES__DEFAULT__CLIENT_SECRET": HUSH,
    }
    for words in (("settings",), ("settings", "--json")):
        result = sluice(*words, **given)
        assert result.returncode == 0, result.stderr
        assert HUSH not in result.stdout + result.stderr
        assert result.stdout.count("marketo.example.com") == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pass@hush-hush@db.example.com/sluice",  # its host would be hush-hush@db.example.com
        "postgresql://me:pass@db.example.com:hush-hush/sluice",
        "postgresql://me:hush-hush\u2100@db.example.com",
        "postgresql://me:[hush-hush@db.example.com",
        "mysql://me:hush-hush@db.example.com/sluice",
        "hush-hush",
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch, url: str):
    """Libraries quote the piece that they cannot read, which may be a piece of the password."""
    monkeypatch.setenv("SLUICE_DATABASE_URL", url)
    with pytest.raises(SettingsError) as refused:
        load()
    (line,) = refused.value.lines
    assert line.startswith("SLUICE_DATABASE_URL: use sqlite:///PATH or postgresql://")
    assert HUSH not in line


@pytest.mark.parametrize("name", ["URL", "INSTANCES__DEFAULT__BASE_URL", "INSTANCES__DEFAULT__IDENTITY_URL"])
@pytest.mark.parametrize("url", ["me:hush-hush@example.com", "https://me:hush-hush@", "https://me:x@[hush-hush/"])
def test_nor_of_a_url_of_the_web(monkeypatch: pytest.MonkeyPatch, name: str, url: str):
    """One line, which names the setting."""
    for knob, value in {"BASE_URL": "https://marketo.example.com", "CLIENT_ID": "id", "CLIENT_SECRET": HUSH}.items():
        monkeypatch.setenv(f"SLUICE_INSTANCES__DEFAULT__{knob}", value)
    monkeypatch.setenv(f"SLUICE_{name}", url)
    with pytest.raises(SettingsError) as refused:
        load()
    (line,) = refused.value.lines
    assert line.startswith(f"SLUICE_{name}: ")
    assert HUSH not in line


@pytest.mark.parametrize("command", ["migrate", "serve", "check-database"])
def test_a_start_that_fails_says_why_without_the_password(sluice: Run, command: str):
    """The database cannot be reached."""
    url = f"postgresql://me:{HUSH}@127.0.0.1:9/sluice?sslpassword={HUSH}&sslmode=disable"
    marketo = {
        "INSTANCES__DEFAULT__BASE_URL": "https://marketo.example.com",
        "INSTANCES__DEFAULT__CLIENT_ID": "id",
        "INSTANCES__DEFAULT__CLIENT_SECRET": HUSH,
    }
    result = sluice(command, DATABASE_URL=url, PORT=0, **marketo)
    assert result.returncode == 1
    assert "SLUICE_DATABASE_URL: the database cannot be opened" in result.stderr
    assert HUSH not in result.stdout + result.stderr


def test_nobody_answers_and_the_message_has_no_user_info(sluice: Run):
    """It says where was looked."""
    result = sluice("status", URL=f"http://me:{HUSH}@127.0.0.1:9")
    assert result.returncode == 1
    assert "http://***@127.0.0.1:9" in result.stderr
    assert HUSH not in result.stderr


async def test_the_api_shows_an_instance_without_its_user_info(sqlite_url: str, clock: SteppedClock):
    """To whoever may read."""
    async with staged(sqlite_url, clock) as stage:
        default = stage.container.settings.instances["default"]
        object.__setattr__(default, "base_url", f"https://me:{HUSH}@marketo.example.com")
        answer = await stage.api.get("/v1/instances/default")
        assert answer.json()["base_url"] == "https://***@marketo.example.com"
        assert HUSH not in answer.text


@pytest.mark.parametrize("where", ["base_url", "identity_url"])
async def test_what_is_told_of_a_marketo_that_cannot_be_reached_has_no_user_info(
    sqlite_url: str, clock: SteppedClock, log: Log, where: str
):
    """It names the address: in the instance, its history, the status and the log."""
    known = stage_settings(sqlite_url).instances["default"]
    urls = {"base_url": known.base_url, where: f"https://me:{HUSH}@127.0.0.1:9/identity"}
    instance = known.model_copy(update=urls)
    async with staged(sqlite_url, clock, instances={"default": instance}) as stage:
        cut_off(stage)
        await stage.created(LEADS, preflight="off")
        await stage.beat()
        told = [
            (await stage.api.get(f"/v1/{path}")).text
            for path in ("instances/default", "instances/default/events", "imports/1", "imports/1/parts", "status")
        ]
        assert "https://***@127.0.0.1:9/identity" in told[1]
    assert HUSH not in "".join(told)
    assert HUSH not in log.text


def cut_off(stage: Stage) -> None:
    """Nobody can be reached at the address with the user info."""
    watch = stage.transport.before_request
    assert watch is not None

    def cut(request: httpx.Request) -> None:
        watch(request)
        if request.url.port == 9:
            raise httpx.ConnectError("All connection attempts failed", request=request)

    stage.transport.before_request = cut


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://marketo.example.com", True),
        ("http://10.1.2.3:8080", True),
        ("https://marketo.example.com", False),
        ("http://127.0.0.1:9000", False),
        ("http://localhost:9000", False),
        ("http://[::1]:9000", False),
    ],
)
def test_what_goes_over_the_network_in_clear(url: str, warned: bool):
    """The client's secret goes to the one, tokens and rows to the other."""
    assert InstanceSettings(base_url=url, **INSTANCE).in_clear == ({"base_url": url} if warned else {})
    other = InstanceSettings(base_url="https://a.example.com", identity_url=url, **INSTANCE)
    assert other.in_clear == ({"identity_url": url} if warned else {})


async def test_a_start_with_http_is_warned_about(sqlite_url: str, log: Log):
    """It works, and is hardly meant: whoever looks at the log can tell which setting it is."""
    known = stage_settings(sqlite_url)
    marketo = InstanceSettings(base_url=f"http://me:{HUSH}@marketo.example.com/rest", **INSTANCE)
    changed = known.model_copy(update={"instances": {"default": marketo}, "auth": "off", "port": 0})
    stop = asyncio.Event()
    stop.set()
    await running(changed, stop=stop)
    (line,) = log.lines("credentials and rows go over the network unencrypted: use https")
    assert line["level"] == "warning"
    assert line["where"] == "SLUICE_INSTANCES__DEFAULT__BASE_URL"
    assert line["url"] == "http://***@marketo.example.com"
    assert HUSH not in log.text
