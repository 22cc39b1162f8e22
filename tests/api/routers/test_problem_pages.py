"""A page for each problem, at its `type`."""

from collections.abc import AsyncIterator

import pytest

from app.domain.problems import PROBLEMS
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """It asks for keys, and these pages for none. One database is enough: nothing here comes from it."""
    async with staged(sqlite_url, clock, auth="on") as found:
        yield found


async def test_a_problem_s_type_leads_to_its_page(stage: Stage):
    """Straight from the answer, without a key."""
    body = (await stage.api.get("/v1/imports")).json()
    page = await stage.api.get(body["type"], headers={"Accept": "application/json"})
    assert page.json() == {
        "type": "/problems/unauthorized",
        "code": "unauthorized",
        "status": 401,
        "title": body["title"],
        "means": PROBLEMS["unauthorized"].means,
        "remedy": PROBLEMS["unauthorized"].remedy,
    }


@pytest.mark.parametrize(
    ("accept", "media_type", "word"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "<h1>A quote is never closed</h1>"),
        ("application/json", "application/json", '"title":"A quote is never closed"'),
        ("*/*", "application/json", '"title":"A quote is never closed"'),
        ("text/markdown", "text/markdown", "**What to do:** Close the quote"),
    ],
)
async def test_a_page_comes_as_it_is_asked_for(stage: Stage, accept: str, media_type: str, word: str):
    """HTML for browsers, JSON for programs, Markdown for whoever asks for it."""
    page = await stage.api.get("/problems/unclosed-quote", headers={"Accept": accept})
    assert page.headers["content-type"].split(";")[0] == media_type
    assert page.headers["vary"] == "Accept"
    assert word in page.text


async def test_every_page_is_there_and_says_enough(stage: Stage):
    """What it means and what to do, in sentences."""
    for code, problem in PROBLEMS.items():
        page = await stage.api.get(f"/problems/{code.replace('_', '-')}", headers={"Accept": "text/html"})
        assert page.status_code == 200, code
        assert f"HTTP {problem.status}" in page.text
        assert "<strong>What to do:</strong>" in page.text
        assert problem.means.endswith(".")
        assert problem.remedy.endswith(".")
        assert not problem.title.endswith(".")


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
async def test_the_index_has_all_of_them(stage: Stage, accept: str):
    """In every form, by code and address."""
    page = await stage.api.get("/problems/", headers={"Accept": accept})
    assert page.status_code == 200
    assert [code for code in PROBLEMS if code not in page.text or code.replace("_", "-") not in page.text] == []


@pytest.mark.parametrize("name", ["nothing-of-the-kind", "unclosed_quote", "%3Cscript%3E"])
async def test_what_is_no_problem_has_no_page(stage: Stage, name: str):
    """Not even under the code's own spelling: one address each."""
    answer = await stage.api.get(f"/problems/{name}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "not_found" in answer.text
    assert "<script>" not in answer.text


async def test_a_page_needs_nothing_and_runs_nothing(stage: Stage):
    """No script, no style from elsewhere."""
    page = await stage.api.get("/problems/", headers={"Accept": "text/html"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
