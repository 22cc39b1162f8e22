"""The style sheet and the scripts."""

import re

from app.pages import static_files
from tests.pages.conftest import Browser


async def test_a_file_is_kept_for_a_year_under_an_address_of_its_content(browser: Browser):
    """Nobody has to be signed in: the page to sign in has them too."""
    page = (await browser.get("/sign-in")).text
    paths = re.findall(r'"(/static/[^"]+)"', page)
    assert {path.rpartition("/")[2] for path in paths} == {"style.css", "icon.svg", "app.js"}
    for path in paths:
        answer = await browser.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    script = await browser.client.get(static_files.url("app.js"))
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_what_an_older_page_asks_for_is_given_and_not_kept(browser: Browser):
    answer = await browser.client.get("/static/0123456789ab/style.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    for path in ("/static/x/nothing.css", "/static/x/..%2Fsite.py", "/static/style.css"):
        assert (await browser.client.get(path)).status_code == 404


def test_scripts_and_styles_load_nothing_from_elsewhere_and_are_small():
    """A page and all of its files stay below 200 KB."""
    for name, content in static_files.FILES.items():
        text = content.decode()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#)", text), name
        assert "innerHTML =" not in text, name
    assert sum(map(len, static_files.FILES.values())) < 100_000
