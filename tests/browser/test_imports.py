"""The list of imports and the page of one, in a real browser."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.api_keys import Scope
from app.simulator import Rules
from tests.browser.barriers import LOOKS, assert_looks_well, assert_no_barriers
from tests.browser.screenshots import with_numbers
from tests.browser.site import Site
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.processes import service, simulator

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Opened = Callable[..., Page]

LIVE_MS = 60_000
PATHS = (
    "/imports",
    "/imports?status=failed&label=x",
    "/imports/{nightly}",
    "/imports/{everybody}",
    "/imports/{overnight}",
    "/imports/{spring fair}",
    "/imports/{spring fair}/failures?page_size=5",
    "/imports/{spring fair}/corrected",
    "/imports/{spring fair}/erase",
    "/imports/{everybody}/parts",
    "/imports/{nightly}/history",
    "/imports/selected?do=priority&id={nightly}&id={spring fair}",
)
CSV = {"Content-Type": "text/csv"}


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_have_no_barrier_and_nothing_stands_out_over_the_edge(
    day: Site, opened: "Opened", width: int, scheme: str
):
    page = opened(day, width=width, scheme=scheme)
    for path in filter(None, (with_numbers(path, day) for path in PATHS)):
        page.goto(path)
        assert page.get_by_role("heading", level=1).count() == 1
        for offer in page.locator("details.deed > summary, details.more > summary").all():
            offer.click()
        assert_looks_well(page, width)


def test_rows_can_be_mended_with_no_barrier(opened: "Opened", guarded: Site):
    page = opened(guarded, width=390)
    sign_in(page, guarded, Scope.OPERATE)
    page.goto("/imports?label=spring+fair&page_size=200")
    page.locator("th.subject a").last.click()
    page.get_by_role("link", name="Mend here").first.click()
    page.get_by_role("button", name="Send 300 mended rows").wait_for()
    assert page.locator(".mend tbody tr").count() == 300
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("document.querySelectorAll('.mend tbody tr').forEach((row, n) => n > 5 && row.remove())")
    assert_no_barriers(page)


def sign_in(page: "Page", guarded: Site, scope: Scope) -> None:
    page.goto("/sign-in")
    page.get_by_label("API key").fill(guarded.keys[scope])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1).wait_for()


def test_imports_are_selected_and_changed_with_javascript_and_without(opened: "Opened", guarded: Site):
    """The script adds how many are selected, and all of them at once."""
    page = opened(guarded)
    sign_in(page, guarded, Scope.OPERATE)
    page.goto("/imports?status=queued")
    assert page.get_by_role("button", name="Cancel…").is_disabled()
    page.get_by_label("Select all imports on this page").check()
    selected = page.locator("td.pick input").count()
    page.get_by_text(f"{selected} selected").wait_for()
    page.locator("td.pick input").first.uncheck()
    page.get_by_text(f"{selected - 1} selected").wait_for()
    page.get_by_role("button", name="Priority…").click()
    page.get_by_role("heading", name="Change the priority").wait_for()
    page.get_by_label("Priority").select_option("8")
    page.get_by_role("button", name=f"Change the priority of {selected - 1} imports").click()
    page.get_by_role("heading", name=f"{selected - 1} imports have the priority 8 now.").wait_for()
    assert_no_barriers(page)
    plain = opened(guarded, javascript=False)
    sign_in(plain, guarded, Scope.OPERATE)
    plain.goto("/imports?status=queued")
    plain.locator("td.pick input").first.check()
    plain.get_by_role("button", name="Cancel…").click()
    plain.get_by_role("button", name="Cancel 1 waiting import").click()
    plain.get_by_role("heading", name="1 import was cancelled.").wait_for()


def test_who_may_only_read_is_offered_no_deed(opened: "Opened", guarded: Site):
    page = opened(guarded)
    sign_in(page, guarded, Scope.READ)
    page.goto("/imports?label=overnight")
    page.locator("th.subject a").click()
    page.get_by_text("far longer than usual").first.wait_for()
    assert page.locator("details.deed").count() == 0


@pytest.mark.parametrize("javascript", [True, False])
def test_rejected_rows_are_mended_until_all_are_imported(
    tmp_path: Path, sqlite_url: str, opened: "Opened", javascript: bool
):
    """A real service and a simulator: the page lives, the cells are mended in place, and the new import ends well."""
    with (
        simulator(Rules(job_seconds=1.0)) as (marketo, _),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as running,
    ):
        page = opened(Site(running.url, {}), javascript=javascript)
        sent = page.request.post("/v1/imports", data=LEADS_WITH_TROUBLE, headers=CSV)
        number = sent.json()["id"]
        page.goto(f"/imports/{number}")
        finished = page.get_by_text("3 of 5 rows are imported; 2 were rejected.")
        wait(page, finished, javascript=javascript)
        page.goto(f"/imports/{number}/mend")
        page.get_by_label("leadScore, row 2").fill("7")
        page.get_by_label("email, row 4").fill("dot@example.com")
        page.get_by_role("button", name="Send 2 mended rows").click()
        page.get_by_text("was made of the rows that you mended").wait_for()
        wait(page, page.get_by_text("All 2 rows are imported."), javascript=javascript)
        page.get_by_role("link", name=f"Import {number}", exact=True).click()
        page.get_by_role("link", name=f"Import {number + 1}").last.wait_for()


def test_a_file_is_downloaded_mended_and_dropped_back_in(tmp_path: Path, sqlite_url: str, opened: "Opened"):
    with (
        simulator(Rules(job_seconds=1.0)) as (marketo, _),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as running,
    ):
        page = opened(Site(running.url, {}))
        number = page.request.post("/v1/imports", data=LEADS_WITH_TROUBLE, headers=CSV).json()["id"]
        page.goto(f"/imports/{number}")
        page.get_by_text("2 were rejected.").wait_for(timeout=LIVE_MS)
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Download for Excel").first.click()
        rows = list(csv.reader(Path(downloading.value.path()).read_text("utf-8-sig").splitlines()))
        rows[1][3], rows[2][0] = "7", "dot@example.com"
        mended = tmp_path / "mended.csv"
        mended.write_text("\n".join(";".join(row) for row in rows), "utf-8")
        page.get_by_role("link", name="drop the file back in").click()
        page.get_by_label("Between the cells").select_option("ssv")
        page.get_by_label("File").set_input_files(mended)
        page.get_by_role("button", name="Send the corrected file").click()
        page.get_by_text("All 2 rows are imported.").wait_for(timeout=LIVE_MS)


def test_what_is_ticked_stays_so_while_the_list_renews(tmp_path: Path, sqlite_url: str, opened: "Opened"):
    with (
        simulator(Rules(job_seconds=1.0)) as (marketo, _),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as running,
    ):
        page = opened(Site(running.url, {}))
        first = page.request.post("/v1/imports", data=leads(5), headers=CSV).json()["id"]
        page.goto("/imports")
        page.get_by_label(f"Select import {first}", exact=True).check()
        page.get_by_role("heading", level=1).click()  # the focus and the pointer leave the table
        page.evaluate("document.activeElement.blur()")
        second = page.request.post("/v1/imports", data=leads(5, start=100), headers=CSV).json()["id"]
        page.get_by_label(f"Select import {second}", exact=True).wait_for(timeout=LIVE_MS)
        assert page.get_by_label(f"Select import {first}", exact=True).is_checked()
        page.get_by_text("1 selected").wait_for()
        assert page.locator("#pick-all").count() == 1


def wait(page: "Page", locator: "Locator", *, javascript: bool) -> None:
    """Until it is there: by itself, or by loading the page again."""
    if javascript:
        locator.wait_for(timeout=LIVE_MS)
        return
    for _ in range(60):
        if locator.count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("it never came")
