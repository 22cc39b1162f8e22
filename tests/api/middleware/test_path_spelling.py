"""Marketo's paths as clients spell them: sent over a real connection, since most libraries would tidy them up."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.middleware.path_spelling import plain
from tests.story.files import LEADS
from tests.support import databases
from tests.support.processes import Service, service
from tests.support.stage import Stage

NOWHERE = "http://127.0.0.1:9"
LEADS_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\na@example.com\n\r\n--b--\r\n'
)
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
CREATE = "/bulk/v1/leads.json"
SPELLINGS = {
    "out of /rest": "/rest/../bulk/v1/leads.json",
    "a slash too many in front": "//bulk/v1/leads.json",
    "from a base that ends in a slash, out of /rest": "/rest//../bulk/v1/leads.json",
    "slashes too many": "/bulk//v1///leads.json",
    "a slash at the end": "/bulk/v1/leads.json/",
    "a dot": "/bulk/./v1/leads.json",
    "dots in percent": "/rest/%2e%2E/bulk/v1/leads.json",
    "further up than there is": "/../../bulk/v1/leads.json",
    "with a query": "//bulk/v1/leads.json?format=csv",
}
NOWHERE_OF_MARKETOS = (
    *(
        "/bulk",
        "/bulk/",
        "//bulk",
        "/rest",
        "/rest/",
        "/identity",
        "//rest/v1/leads.json",
        "/rest/../bulk/v2/leads.json",
    ),
    *("/rest/bulk/v1/leads.json", "/bulk/v1/leads.json/..", "/bulk/v1/leads/../../v1"),
)


@pytest.fixture(scope="module")
def serving(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("spelling")
    with service(folder, databases.sqlite_copy(sqlite_template, folder), NOWHERE) as started:
        yield started


def asked(of: Service, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None):
    """(HTTP status, media type, JSON), of the path exactly as it stands here."""
    line = HTTPConnection("127.0.0.1", of.port)
    line.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": f"127.0.0.1:{of.port}", "Content-Length": str(len(body))} | (headers or {})).items():
        line.putheader(name, value)
    line.endheaders(body)
    answer = line.getresponse()
    told = json.loads(answer.read())
    line.close()
    return answer.status, answer.headers["Content-Type"], told


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_path_of_marketos_is_the_same_path_however_it_is_spelled(serving: Service, name: str):
    """A Node package sends `/rest/../bulk/...` as it is; others put two slashes together."""
    status, media_type, told = asked(serving, "POST", SPELLINGS[name], LEADS_FORM, FORM)
    assert (status, media_type, told["success"]) == (200, "application/json;charset=UTF-8", True), told
    batch = told["result"][0]["batchId"]
    _, _, stands = asked(serving, "GET", f"//bulk/v1/x/../leads/batch/{batch}.json")
    assert stands["result"][0]["status"] == "Queued"


@pytest.mark.parametrize("path", NOWHERE_OF_MARKETOS)
def test_a_path_that_marketo_has_not_is_said_so_in_its_envelope(serving: Service, path: str):
    """Not in a redirect to elsewhere, nor in our own words."""
    status, media_type, told = asked(serving, "GET", path)
    assert (status, media_type) == (200, "application/json;charset=UTF-8")
    assert [error["code"] for error in told["errors"]] == ["610"]


def test_the_token_and_a_wrong_method_have_their_spellings_too(serving: Service):
    """Everything that is served under Marketo's paths."""
    grant = "?grant_type=client_credentials&client_id=a&client_secret=b"
    for path in ("//identity/oauth/token", "/rest/../identity/oauth/token", "/identity/oauth/token/"):
        assert asked(serving, "GET", path + grant)[2]["token_type"] == "bearer"
    assert asked(serving, "PUT", f"/{CREATE}")[2]["errors"][0]["code"] == "605"


def test_our_own_paths_are_none_of_marketos(serving: Service):
    """No way leads from there to them."""
    assert asked(serving, "GET", "/bulk/../v1/imports")[2]["errors"][0]["code"] == "610"
    status, media_type, told = asked(serving, "GET", "/bulky/no-such-thing")
    assert (status, media_type, told["code"]) == (404, "application/problem+json", "not_found")


SEGMENTS = st.lists(st.sampled_from(["", ".", "..", "bulk", "v1", "leads.json", "..."]), max_size=12)


@given(SEGMENTS)
def test_a_plain_path_stays_as_it_is_and_has_neither_dots_nor_doubled_slashes(segments: list[str]):
    """Whatever it was before."""
    found = plain("/" + "/".join(segments))
    assert found == plain(found)
    assert found.startswith("/")
    assert not {"", ".", ".."} & set(found.split("/")[1:]) or found == "/"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/imports",
        "/v1/imports/1",
        "/v1/imports/1/failures",
        "/v1/imports/1/failures.csv",
        "/v1/status",
        "/v1/instances",
        "/livez",
        "/metrics",
        "/problems/",
        "/problems/not-found",
        "/openapi.json",
        "/docs",
        "/bulk/v1/leads/batch/1.json",
        "/nowhere",
    ],
)
async def test_both_forms_of_a_path_are_one(stage: Stage, path: str):
    """And so are those with two slashes: no redirect, and the same answer."""
    await stage.created(LEADS)
    first = await stage.api.get(path)
    for other in (path.rstrip("/"), f"{path.rstrip('/')}/", f"/{path}", path.replace("/", "//"), f"{path}//"):
        answer = await stage.api.get(httpx.URL(f"http://127.0.0.1{other}"))
        assert answer.status_code == first.status_code, other
        assert answer.headers.get("content-type") == first.headers.get("content-type")
        assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/imports/", "//v1/imports", "//v1//imports//"])
async def test_a_file_is_taken_at_both(stage: Stage, path: str):
    """A redirect would lose the body of a client that follows it by GET."""
    answer = await stage.api.post(
        httpx.URL(f"http://127.0.0.1{path}"), content=LEADS, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == "/v1/imports/1"


@pytest.mark.parametrize("path", ["//bulk/v1/leads.json", "/bulk//v1/leads.json", "/bulk/v1/leads.json/"])
async def test_marketos_paths_have_both_forms_too(stage: Stage, path: str):
    """In its envelope, whether it goes well or not."""
    url = httpx.URL(f"http://127.0.0.1{path}")
    assert (await stage.api.post(url, files={"file": ("a.csv", LEADS)})).json()["success"]
    assert (await stage.api.post(url, files={"x": ("a.csv", LEADS)})).json()["errors"][0]["code"] == "1002"
    assert (await stage.api.get(url)).json()["errors"][0]["code"] == "605"
