"""Slashes too many in a path lead where it leads without them."""

import httpx
import pytest

from app.api.app import create_app
from tests.story.files import LEADS
from tests.support.stage import Stage


@pytest.mark.parametrize(
    "path",
    [
        "/v1/imports",
        "/v1/imports/1",
        "/v1/imports/1/failures",
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
    plain = await stage.api.get(path)
    for other in (path.rstrip("/"), f"{path.rstrip('/')}/", f"/{path}", path.replace("/", "//"), f"{path}//"):
        answer = await stage.api.get(httpx.URL(f"http://127.0.0.1{other}"))
        assert answer.status_code == plain.status_code, other
        assert answer.headers.get("content-type") == plain.headers.get("content-type")
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


async def test_no_route_answers_with_a_redirect(stage: Stage):
    """The router is told not to."""
    assert create_app(stage.container).router.redirect_slashes is False
