"""A file on its way in, in a real browser: from the drop to its last row, as a marketing person does it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.api_keys import Scope
from app.simulator import Rules
from tests.browser.barriers import LOOKS, assert_looks_well, assert_no_barriers
from tests.browser.site import Site
from tests.support.processes import Service, service, simulator

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    Opened = Callable[..., Page]

UPLOADED_MS = 180_000  # 50 MB, on a busy machine
ENDED_MS = 180_000
ROWS = int(os.environ.get("SLUICE_TEST_BROWSER_ROWS", "53000"))  # of the export: 53,000 are 5 MB
BAD_ROWS = {100: "many", ROWS // 2: "über 9", ROWS - 1_000: "n/a"}
HEADER = "E-Mail;First Name;Last Name;Company Name;Lead Score;Notiz\r\n"


@pytest.fixture
def running(tmp_path: Path, sqlite_url: str) -> Iterator[Service]:
    """A real service and a Marketo that is fast."""
    with (
        simulator(Rules(job_seconds=0.2, rows_per_second=200_000.0, keep_records=False)) as (marketo, _),
        service(tmp_path, sqlite_url, marketo, POLL_MIN_SECONDS=0.5, POLL_MAX_SECONDS=1) as served,
    ):
        yield served


@pytest.fixture
def page(running: Service, opened: "Opened") -> "Page":
    """Its requests may fail on purpose."""
    found: Page = opened(Site(running.url, {}), refused=True)
    found.goto("/send")
    return found


def export(path: Path, rows: int, *, bad: dict[int, str] | None = None) -> Path:
    """As Excel writes one in Germany: display names, semicolons, windows-1252."""
    bad = bad or {}
    with path.open("w", encoding="cp1252", newline="") as file:
        file.write(HEADER)
        for number in range(1, rows + 1):
            score = bad.get(number, str(number % 100))
            name = f"Jürgen {number};Müller-Lüdenscheidt;Größe & Söhne GmbH, Köln"
            file.write(f"person.{number}@example.com;{name};{score};intern\r\n")
    return path


def drop(page: "Page", *files: tuple[str, str]) -> None:
    """Drop files (name, text) on the page as a mouse would."""
    page.locator("#file[multiple]").wait_for(state="attached")  # the script is there
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) transfer.items.add(new File([text], name, {type: "text/csv"}));
            const at = {dataTransfer: transfer, bubbles: true, cancelable: true};
            document.getElementById("drop").dispatchEvent(new DragEvent("dragover", at));
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", at));
        }""",
        [list(file) for file in files],
    )


def says(page: "Page", text: str, number: int = 0) -> None:
    page.locator(".file-says").nth(number).get_by_text(text).wait_for(timeout=UPLOADED_MS)


def test_from_the_drop_of_a_large_export_to_all_rows_imported(page: "Page", tmp_path: Path):
    """Display names as headers, windows-1252, semicolons, a column to leave out, bad rows; nothing is uploaded twice.

    The browser streams the file: its memory does not hold it.
    """
    file = export(tmp_path / "Frühjahr.csv", ROWS, bad=BAD_ROWS)
    assert file.stat().st_size > 90 * ROWS
    uploads: list[str] = []
    page.on("request", lambda asked: uploads.append(asked.url) if "/v1/imports?" in asked.url else None)
    page.get_by_label("Drop files here").set_input_files(file)
    says(page, "1 column to decide")
    assert page.locator(".file-format").input_value() == "ssv"
    assert page.locator(".file-charset").input_value() == "cp1252"
    assert page.get_by_label("Marketo's field for E-Mail").input_value() == "email"
    assert page.get_by_label("Marketo's field for Company Name").input_value() == "company"
    assert "Jürgen 1 · Jürgen 2" in page.locator(".examples").nth(1).inner_text()
    assert_no_barriers(page)
    assert page.get_by_role("button", name="Upload 1 file").is_disabled()
    page.get_by_label("Leave out Notiz").check()
    says(page, "Ready.")
    heap = "performance.memory.usedJSHeapSize"
    before = page.evaluate(heap)
    page.get_by_role("button", name="Upload 1 file").click()
    page.get_by_role("heading", name="Some rows need a look").wait_for(timeout=UPLOADED_MS)
    assert page.evaluate(heap) - before < min(10_000_000, file.stat().st_size)
    assert len(uploads) == 1
    found = page.locator("tbody").nth(1)
    assert found.locator("tr").count() == len(BAD_ROWS)
    assert "Lead Score" in found.inner_text()
    for row, cell in BAD_ROWS.items():
        assert cell in found.inner_text(), row
    assert_no_barriers(page)
    page.get_by_role("button", name=f"Send {ROWS // 1000}").click()
    page.wait_for_url("**/imports/1?*")
    import_ = ended(page, 1)
    assert import_["rows"]["imported"] == ROWS - len(BAD_ROWS)
    assert import_["rows"]["failed"] == len(BAD_ROWS)
    assert len(uploads) == 1


def ended(page: "Page", import_id: int) -> dict[str, Any]:
    """The import once it is finished."""
    for _ in range(10):
        answer = page.request.get(f"/v1/imports/{import_id}?wait=50", timeout=ENDED_MS).json()
        if answer["finished_at"]:
            return dict(answer)
    raise AssertionError(answer)


def test_a_line_that_breaks_is_tried_again_under_the_same_key(page: "Page", tmp_path: Path):
    """It makes one import, and the page says what goes on meanwhile."""
    file, keys = export(tmp_path / "small.csv", 50), []

    def break_once(route: "Route") -> None:
        keys.append(route.request.headers["idempotency-key"])
        match len(keys):
            case 1:
                route.abort("connectionreset")
            case 2:
                busy = '{"title": "Too many uploads are under way", "code": "uploads_full"}'
                route.fulfill(status=429, headers={"Retry-After": "1"}, body=busy)
            case _:
                route.continue_()

    page.route("**/v1/imports?*", break_once)
    page.get_by_label("Drop files here").set_input_files(file)
    says(page, "1 column to decide")
    page.get_by_label("Leave out Notiz").check()
    page.get_by_role("button", name="Upload 1 file").click()
    says(page, "The line broke. Trying again in")
    says(page, "Too many uploads are under way. Trying again in")
    page.get_by_role("heading", name="nothing odd was found").wait_for(timeout=UPLOADED_MS)
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(page.request.get("/v1/imports").json()["items"]) == 1


def test_many_files_are_dropped_and_go_one_after_the_other(page: "Page"):
    """Each with its own bar; then all wait for a word, one is sent and one discarded."""
    drop(
        page,
        ("one.csv", "email,firstName\na@example.com,A\n"),
        ("two.csv", "email,Company Name\nb@example.com,B\n"),
        ("three.xlsx", "PK\x03\x04 no text"),
    )
    says(page, "Ready.", 0)
    says(page, "Ready.", 1)
    page.locator(".file-mistakes li").first.wait_for()
    page.get_by_role("button", name="Take it off").nth(2).click()
    page.get_by_role("button", name="Upload 2 files").click()
    page.get_by_role("heading", name="2 files wait for your word.").wait_for(timeout=UPLOADED_MS)
    assert_no_barriers(page)
    page.get_by_role("button", name="Send 1 row").first.click()
    page.get_by_text("goes to Marketo in its turn.").wait_for()
    page.goto("/send")
    page.get_by_role("heading", name="1 file waits for your word.").wait_for()
    page.locator("summary", has_text="Discard…").click()
    page.get_by_role("button", name="Discard this file").click()
    page.get_by_text("nothing of it is sent").wait_for()
    statuses = {each["id"]: each["status"] for each in page.request.get("/v1/imports").json()["items"]}
    assert statuses[1] == "cancelled"
    assert ended(page, 2)["rows"]["imported"] == 1


def test_a_mistake_in_the_whole_file_is_told_with_its_row(page: "Page", tmp_path: Path):
    """What the beginning could not tell; the card stays, to choose another charset."""
    file = tmp_path / "late.csv"
    file.write_bytes(b"email,city\n" + b"a@example.com,Bonn\n" * 20_000 + b"b@example.com,K\xf6ln\n")
    page.get_by_label("Drop files here").set_input_files(file)
    says(page, "Ready.")
    page.get_by_role("button", name="Upload 1 file").click()
    page.locator(".file-mistakes", has_text="20001").wait_for(timeout=UPLOADED_MS)
    page.locator(".file-charset").select_option("cp1252")
    says(page, "Ready.")
    page.get_by_role("button", name="Upload 1 file").click()
    page.get_by_role("heading", name="is stored").wait_for(timeout=UPLOADED_MS)


def test_objects_and_fields_are_offered_as_marketo_describes_them(page: "Page"):
    page.get_by_label("Custom objects").check()
    page.locator("#objects option[value=car_c]").wait_for(state="attached")
    page.get_by_label("Object name").fill("car_c")
    page.get_by_label("Object name").blur()
    page.locator("#fields option[value=vin]").wait_for(state="attached")
    drop(page, ("cars.csv", "vin,Make\n1,bmw\n"))
    says(page, "Ready.")
    assert page.get_by_label("Marketo's field for Make").input_value() == "make"
    page.get_by_label("Object name").fill("carr")
    page.get_by_label("Object name").blur()
    says(page, "Did you mean 'car_c'?")


def test_a_file_is_sent_without_javascript(running: Service, opened: "Opened", tmp_path: Path):
    """Under review, and at once."""
    file = tmp_path / "leads.csv"
    file.write_bytes(b"email;leadScore\na@example.com;many\n")
    page = opened(Site(running.url, {}), javascript=False, refused=True)
    page.goto("/send")
    page.get_by_label("Drop files here").set_input_files(file)
    page.get_by_label("Between the cells").select_option("ssv")
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("Nothing of it is sent before you say so.").wait_for()
    assert "is not a whole number" in page.locator("tbody").first.inner_text()
    page.get_by_role("button", name="Send 1 row").click()
    page.get_by_text("Import 1 goes to Marketo in its turn.").wait_for()
    page.goto("/send")
    page.get_by_label("Drop files here").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name="A key column is missing").wait_for()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_day_is_shown_without_a_barrier_and_nothing_stands_out_over_the_edge(
    day: Site, opened: "Opened", width: int, scheme: str
):
    page = opened(day, width=width, scheme=scheme)
    page.goto("/send")
    assert_looks_well(page, width)
    drop(page, ("<img src=x onerror=alert(1)>\"'.csv", 'email,"<script>alert(2)</script>"\na@example.com,"<b>x"\n'))
    page.locator("tbody tr").nth(1).wait_for()
    assert_looks_well(page, width)
    looks = page.locator("#stored .need a.button")
    if looks.count():
        looks.first.click()
        page.get_by_role("heading", name="What was found in it").wait_for()
        assert_looks_well(page, width)


def test_the_session_of_a_client_sends_its_file(guarded: Site, opened: "Opened"):
    """By the session's token; whoever may only read is refused, on a page."""
    page = opened(guarded)
    page.goto("/sign-in")
    page.get_by_label("API key").fill(guarded.keys[Scope.SUBMIT])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Send a file").click()
    drop(page, ("mine.csv", "email\na@example.com\n"))
    says(page, "Ready.")
    page.get_by_role("button", name="Upload 1 file").click()
    page.get_by_role("heading", name="is stored").wait_for(timeout=UPLOADED_MS)
    page.get_by_role("button", name="Send 1 row").click()
    page.get_by_text("goes to Marketo in its turn.").wait_for()


def test_all_that_the_page_loads_is_small(day: Site, opened: "Opened"):
    page = opened(day)
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto("/send")
    page.wait_for_load_state("networkidle")
    assert sum(sizes) < 200_000
