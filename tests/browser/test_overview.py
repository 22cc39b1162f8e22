"""The overview in a real browser."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.api_keys import Scope
from app.simulator import Rules
from tests.browser.barriers import LOOKS, assert_looks_well, assert_no_barriers
from tests.browser.site import Site
from tests.story.files import leads
from tests.support.processes import service, simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Opened = Callable[..., Page]

LIVE_MS = 60_000


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_day_is_shown_without_a_barrier_and_nothing_stands_out_over_the_edge(
    day: Site, opened: "Opened", width: int, scheme: str
):
    page = opened(day, width=width, scheme=scheme)
    page.goto("/")
    assert page.get_by_role("heading", level=1).count() == 1
    assert_looks_well(page, width)
    if page.get_by_text("The numbers").count():
        page.get_by_text("The numbers").click()
    for offer in page.locator("details.deed > summary").all():
        offer.click()
    assert_looks_well(page, width)


def test_who_signs_in_sees_what_the_key_may_and_signs_out(guarded: Site, opened: "Opened"):
    """By the keyboard alone; two scopes."""
    page = opened(guarded)
    for scope, has_webhooks, may_pause in ((Scope.READ, 0, 0), (Scope.ADMIN, 1, 2)):
        page.goto("/")
        assert_no_barriers(page)
        page.keyboard.type(guarded.keys[scope])
        page.keyboard.press("Enter")
        page.get_by_role("heading", level=1, name="Nothing is sent to eu-west").wait_for()
        assert page.get_by_role("link", name="Webhooks", exact=True).count() == has_webhooks
        assert page.locator("summary", has_text="Pause…").count() == may_pause
        page.get_by_role("button", name="Sign out").click()
        page.get_by_text("You are signed out.").wait_for()


def test_a_client_that_may_only_submit_sees_its_own(guarded: Site, opened: "Opened"):
    page = opened(guarded, width=390)
    page.goto("/sign-in")
    page.get_by_label("API key").fill(guarded.keys[Scope.SUBMIT])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Your imports").wait_for()
    assert page.locator(".place").count() == 0
    assert_no_barriers(page)


def test_a_deed_works_without_javascript(opened: "Opened", paused_and_back: Site):
    """The details open, the form goes, the page comes back with what was done."""
    page = opened(paused_and_back, javascript=False)
    page.goto("/")
    page.locator("summary", has_text="Pause…").first.click()
    page.get_by_label("Reason").fill("spring cleaning")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_text("The instance is paused").wait_for()
    assert page.get_by_text("Paused by local: spring cleaning").count() == 1
    page.locator("summary", has_text="Resume…").click()
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_text("The instance goes on.").wait_for()


def test_a_page_lives_and_leaves_alone_what_is_in_use(tmp_path: Path, sqlite_url: str, opened: "Opened"):
    """A real service and a simulator: imports come and end without a reload, and an open form keeps what was typed."""
    with (
        simulator(Rules(job_seconds=12.0, rows_per_second=200.0)) as (marketo, _),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as running,
    ):
        page = opened(Site(running.url, {}))
        page.goto("/")
        page.evaluate("window.same = true")
        page.locator("summary", has_text="Pause…").click()
        page.get_by_label("Reason").fill("half a sent")
        for number in range(5):
            body = leads(400, start=1000 * number)
            sent = page.request.post("/v1/imports", data=body, headers={"Content-Type": "text/csv"})
            assert sent.status == 202
        page.locator(".place.importing").first.wait_for(timeout=LIVE_MS)
        assert_no_barriers(page)
        page.locator("#finished li", has_text="complete").get_by_text("5", exact=True).wait_for(timeout=2 * LIVE_MS)
        assert page.get_by_label("Reason").input_value() == "half a sent"
        assert page.evaluate("window.same")
        page.keyboard.press("Escape")
        assert page.locator("details.deed[open]").count() == 0
