"""The instances' pages in a real browser: without barriers, and an operator's whole way."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.api_keys import Scope
from app.simulator import Fault, Rules
from tests.browser.barriers import LOOKS, assert_looks_well, assert_no_barriers
from tests.browser.site import Site
from tests.story.files import leads
from tests.support.processes import service, simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Opened = Callable[..., Page]

PATHS = (
    "/instances",
    "/instances/default",
    "/instances/default/queue",
    "/instances/eu-west",
    "/instances/default/jobs",
    "/instances/default/history",
    "/keys",
    "/webhooks",
    "/webhooks/1",
)
LIVE_MS = 60_000


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_day_is_shown_without_a_barrier_and_nothing_stands_out_over_the_edge(
    day: Site, opened: "Opened", width: int, scheme: str
):
    page = opened(day, width=width, scheme=scheme)
    for path in PATHS:
        if page.request.get(path).status == 404:
            continue  # the empty day has one instance, and no webhook
        page.goto(path)
        assert page.get_by_role("heading", level=1).count() == 1
        assert_looks_well(page, width)
        offers = page.locator("details.deed > summary").all()[:4]
        for offer in offers:
            offer.click()
        if offers:
            assert_looks_well(page, width)


def test_a_key_is_made_shown_once_used_and_revoked(guarded: Site, opened: "Opened"):
    """By an admin; the new key signs in, and is signed out by its end."""
    page, other = opened(guarded), opened(guarded, width=390)
    sign_in(page, guarded.keys[Scope.ADMIN])
    page.goto("/keys")
    page.get_by_text("Create a key…").click()
    page.get_by_label("Client", exact=True).fill("spring-fair")
    page.get_by_role("button", name="Create the key").click()
    text = page.locator(".secret > code").inner_text()
    assert_no_barriers(page)
    assert text.startswith("slc_")
    sign_in(other, text)
    other.goto("/keys")
    other.get_by_role("heading", name="You are signed in as spring-fair.").wait_for()
    assert_no_barriers(other)
    page.get_by_role("link", name="I have copied it").click()
    row = page.locator(".api-key", has_text=text.split("_")[1])
    row.get_by_text("Revoke…").click()
    assert row.get_by_text("It was last used").count() == 1
    row.get_by_role("button", name="Revoke this key").click()
    page.get_by_text("The key is revoked").wait_for()
    other.goto("/keys")
    other.get_by_label("API key").wait_for()


def test_a_webhook_is_made_and_tried_without_javascript(opened: "Opened", paused_and_back: Site):
    page = opened(paused_and_back, javascript=False)
    page.goto("/webhooks")
    page.get_by_text("Create a webhook…").click()
    page.get_by_label("Address").fill("https://198.51.100.7/hooks")
    page.get_by_role("button", name="Create the webhook").click()
    assert page.locator(".secret > code").inner_text().startswith("whsec_")
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_text("Send a test…").click()
    page.get_by_role("button", name="Send a test", exact=True).click()
    page.get_by_text("A test is on its way").wait_for()
    assert page.get_by_text("webhook.test").count() == 1


def test_an_operator_finds_out_why_an_import_does_not_move_and_lets_it_go_on(
    tmp_path: Path, sqlite_url: str, opened: "Opened"
):
    """As docs/pages.md tells it: a lost answer holds the records of the import behind it; then the instance is paused.

    From the overview's sentence to the cause, to the button, to the end: by clicks alone.
    """
    with (
        simulator(Rules(job_seconds=0.5, rows_per_second=2000.0)) as (marketo, played),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as running,
    ):
        page = opened(Site(running.url, {}))
        played.order(Fault("lost_response", on="create"))
        send(page, leads(50), "on_unconfirmed=hold&label=morning")
        page.goto("/")
        page.get_by_text("One thing needs you.").wait_for(timeout=LIVE_MS)
        send(page, leads(50), "label=evening")  # the same people: it has to wait
        page.get_by_role("link", name="default", exact=True).click()
        waiting = page.get_by_role("row", name=re.compile("evening"))
        waiting.get_by_text("Another part with the same records").wait_for(timeout=LIVE_MS)
        assert waiting.get_by_role("link", name="1·1").count() == 1
        assert_no_barriers(page)
        page.locator(".job.troubled").get_by_text("Give it up…").click()
        assert page.get_by_text("what waits behind it may go").count() == 1
        page.get_by_role("button", name="Give up this job").click()
        page.get_by_text("The job was given up").wait_for()
        page.get_by_text("Nothing waits for a place.").wait_for(timeout=LIVE_MS)
        page.get_by_text("Pause…").first.click()
        page.get_by_label("Reason").fill("maintenance in Marketo")
        page.get_by_role("button", name="Pause", exact=True).click()
        page.get_by_role("heading", name="Nothing is sent to default: it is paused.").wait_for()
        send(page, leads(20, start=500), "label=night")
        page.goto("/")
        page.get_by_text("Paused by local: maintenance in Marketo").wait_for()
        page.get_by_role("link", name="Instance default").click()
        page.get_by_role("row", name=re.compile("night")).get_by_text("The instance is paused").wait_for()
        page.get_by_text("Resume…").first.click()
        page.get_by_role("button", name="Resume", exact=True).click()
        page.get_by_text("Resumed by local.").wait_for()
        page.get_by_text("Nothing waits for a place.").wait_for(timeout=LIVE_MS)
        page.goto("/imports?label=night")
        page.locator("#imports").get_by_text("complete").first.wait_for(timeout=LIVE_MS)


def sign_in(page: "Page", key: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def send(page: "Page", body: bytes, query: str) -> None:
    sent = page.request.post(f"/v1/imports?{query}", data=body, headers={"Content-Type": "text/csv"})
    assert sent.status == 202, sent.text()
